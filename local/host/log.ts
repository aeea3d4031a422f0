import type { LogLevel } from "./core.ts";
import type { HostSettings } from "./settings.ts";

/** One line that a function, the library or the host wrote. */
export interface LogLine {
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly level: LogLevel;
  readonly function?: string;
  readonly invocationId?: string;
  readonly message: string;
}

export type LogSink = (line: LogLine) => void;

export interface HostLog {
  /** What the function `name` wrote through its context. */
  user(name: string, invocationId: string, level: LogLevel, message: string): void;
  /** What the host has to say, about the function `name` if one is concerned. */
  host(level: LogLevel, message: string, name?: string, invocationId?: string): void;
}

const order: readonly LogLevel[] = ["trace", "debug", "information", "warning", "error", "critical", "none"];

/** Writes what host.json's `logging.logLevel` lets through; `Information` and above by default, as in Azure. */
export function createLog(sink: LogSink, levels: HostSettings["logLevels"]): HostLog {
  const passes = (category: string, level: LogLevel) => {
    const parts = category.toLowerCase().split(".");
    const named = parts.map((_, index) => levels[parts.slice(0, parts.length - index).join(".")]);
    const least = named.find((found) => found !== undefined) ?? levels["default"] ?? "information";
    return order.indexOf(level) >= order.indexOf(least);
  };
  const write = (category: string, level: LogLevel, line: Omit<LogLine, "time" | "level">) => {
    if (passes(category, level)) sink({ time: new Date().toISOString(), level, ...line });
  };
  return {
    user: (name, invocationId, level, message) => {
      write(`Function.${name}.User`, level, { function: name, invocationId, message });
    },
    host: (level, message, name, invocationId) => {
      write(name === undefined ? "Host" : `Function.${name}`, level, {
        ...(name !== undefined && { function: name }),
        ...(invocationId !== undefined && { invocationId }),
        message,
      });
    },
  };
}

/** One JSON line each. */
export function writeToStdout(line: LogLine): void {
  process.stdout.write(JSON.stringify(line) + "\n");
}

/** The error as text, with its stack and causes where it has them. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const text = error.stack ?? `${error.name}: ${error.message}`;
  return error.cause === undefined ? text : `${text}\ncaused by ${describe(error.cause)}`;
}
