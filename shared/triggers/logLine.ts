import type { InvocationContext } from "@azure/functions";
import { config } from "../config.ts";
import { boundary } from "../tenancy/boundary.ts";

/** The fields that a log line may have. Ids, closed words and numbers; never a text that somebody typed. */
export interface LogFields {
  readonly event: string;
  readonly function?: string;
  readonly requestId?: string;
  readonly traceId?: string;
  readonly tenantId?: string;
  /** A tenant that a link, an invitation or a grant opened to a caller who is not its own. */
  readonly subjectTenantId?: string;
  readonly caller?: string;
  readonly method?: string;
  readonly status?: number;
  readonly code?: string;
  readonly milliseconds?: number;
  readonly attempt?: number;
  /** Requests for items that the run made of the database, and those among them that never left the process. */
  readonly databaseRequests?: number;
  readonly databaseRefused?: number;
  readonly target?: string;
  /** How far the tools that open videos are confined on this machine. */
  readonly confinement?: string;
  readonly error?: string;
  readonly at?: readonly string[];
  /** What led to the error, as `error` and `code` say it, the nearest first. */
  readonly causes?: readonly string[];
}

export type Log = (level: "info" | "warn" | "error", fields: LogFields) => void;

/** Writes JSON lines through the invocation, so that the host files them under the function. */
export function logOf(context: InvocationContext): Log {
  return (level, fields) => {
    context[level](JSON.stringify({ ...fields, function: context.functionName }));
  };
}

/** What a run has asked of the database so far; anything refused is a fault of ours. */
export function databaseFields(): Pick<LogFields, "databaseRequests" | "databaseRefused"> {
  const { requests, refused } = boundary().counts;
  return { databaseRequests: requests, ...(refused > 0 && { databaseRefused: refused }) };
}

/**
 * What a log may say of an error: its kind, its code and where it happened. Messages can hold anything that a client or a
 * service sent, so they are shown on the developer's own machine only.
 */
export function errorFields(error: unknown): Pick<LogFields, "error" | "code" | "at" | "causes"> {
  if (!(error instanceof Error)) return { error: typeof error };
  const causes = causesOf(error).map((cause) => `${nameOf(cause)} ${codeOf(cause) ?? ""}`.trimEnd());
  const code = codeOf(error);
  return {
    error: nameOf(error),
    ...(code !== undefined && { code }),
    at: framesOf(error).slice(0, 8),
    ...(causes.length > 0 && { causes }),
  };
}

const mostCauses = 4;

function causesOf(error: Error): Error[] {
  if (error instanceof AggregateError)
    return error.errors.filter((one): one is Error => one instanceof Error).slice(0, mostCauses);
  const causes: Error[] = [];
  for (let { cause } = error; cause instanceof Error && causes.length < mostCauses; { cause } = cause)
    causes.push(cause);
  return causes;
}

function nameOf({ name, message }: Error): string {
  return config().environment === "local" ? `${name}: ${message}` : name;
}

function codeOf(error: Error): string | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === "string" || typeof code === "number" ? String(code) : undefined;
}

/** Where an error happened: what its stack says behind the message, which could look like anything. */
function framesOf({ message, stack = "" }: Error): string[] {
  const found = stack.indexOf(message);
  if (found === -1) return [];
  const frames = stack.slice(found + message.length).split("\n");
  return frames.filter((line) => line.startsWith("    at ")).map((line) => line.slice(7));
}
