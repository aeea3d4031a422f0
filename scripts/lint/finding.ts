import { relative } from "node:path";
import type { ESLint, Linter } from "eslint";

/** What ESLint says about one place. */
export interface Finding {
  /** The rule; `parse-error` where the file could not be read as code. */
  readonly rule: string;
  readonly message: string;
  readonly error: boolean;
  /** Relative to the project, with slashes. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
}

/** One run of ESLint, as both reports tell it. */
export interface LintRun {
  readonly version: string;
  readonly started: Date;
  readonly ended: Date;
  readonly findings: readonly Finding[];
  /** Where each rule is explained, by its name. */
  readonly rules: Readonly<Record<string, RuleText>>;
}

export interface RuleText {
  readonly description?: string | undefined;
  readonly url?: string | undefined;
}

/** The findings of all files, in ESLint's order. */
export function findingsOf(results: readonly ESLint.LintResult[], root: string): Finding[] {
  return results.flatMap(({ filePath, messages }) => {
    const file = relative(root, filePath).replaceAll("\\", "/");
    return messages.map((message) => findingOf(message, file));
  });
}

function findingOf(message: Linter.LintMessage, file: string): Finding {
  const line = Math.max(message.line, 1);
  const column = Math.max(message.column, 1);
  return {
    rule: message.ruleId ?? "parse-error",
    message: message.message,
    error: message.severity === 2,
    file,
    line,
    column,
    endLine: Math.max(message.endLine ?? line, line),
    endColumn: Math.max(message.endColumn ?? column, 1),
  };
}
