import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

/** Every pipeline file, and azd's, from the project's root. */
export const pipelineFiles = [
  ".gitlab-ci.yml",
  "azure-pipelines.yml",
  ".azure/prepare.yml",
  ".azure/deploy.yml",
  ".azure/sandbox-copy.yml",
  ".azure/copy.yml",
  "azure.yaml",
] as const;

const root = join(import.meta.dirname, "..", "..");

/** What a pipeline file says. Throws where it is no YAML, or says a key twice. */
export function pipelineFile(file: (typeof pipelineFiles)[number]): unknown {
  return parse(readFileSync(join(root, file), "utf8"), { uniqueKeys: true, strict: true });
}

/** A command that a pipeline gives to a shell. */
export interface ShellPart {
  readonly file: string;
  readonly text: string;
}

const shellKeys = ["script", "inlineScript", "before_script", "after_script", "run"];

/** All commands that the pipelines give to shells, whole steps each. */
export function shellParts(): readonly ShellPart[] {
  return pipelineFiles.flatMap((file) => partsOf(pipelineFile(file)).map((text) => ({ file, text })));
}

function partsOf(value: unknown): readonly string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) => {
    if (!shellKeys.includes(key)) return partsOf(inner);
    return [Array.isArray(inner) ? inner.join("\n") : String(inner)];
  });
}
