import { LocalError } from "../service.ts";
import type { AppFunction } from "./app.ts";
import type { Invoker } from "./invoke.ts";
import type { HostLog } from "./log.ts";
import type { HostSettings } from "./settings.ts";

/** What watches for the events of one function. */
export interface Trigger {
  /** Begins to watch. */
  start(): Promise<void>;
  /** Runs the function once for an administrator's input; what it means depends on the kind of trigger. */
  runOnce(input: string): Promise<void>;
}

/** What every trigger gets from the host. */
export interface TriggerHost {
  readonly invoker: Invoker;
  readonly settings: HostSettings;
  readonly log: HostLog;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted once, when the host stops. */
  readonly stopping: AbortSignal;
  /** Keeps a loop alive until the host stops; `close` waits for it. */
  run(loop: () => Promise<void>): void;
}

/** The endpoint of an identity-based connection, e.g. `DATA__blobServiceUri`. */
export function endpointOf(fn: AppFunction, suffix: string, env: TriggerHost["env"]): string {
  const connection = optional(fn, "connection") ?? "AzureWebJobsStorage";
  const setting = `${connection}__${suffix}`;
  const value = env[setting];
  if (value === undefined || value === "")
    throw new LocalError(`The function ${fn.name} needs the setting ${setting}.`);
  return value;
}

/** A text option of the trigger. Throws {@link LocalError} without it. */
export function required(fn: AppFunction, option: string): string {
  const value = optional(fn, option);
  if (value === undefined) throw new LocalError(`The trigger of ${fn.name} has no "${option}".`);
  return value;
}

export function optional(fn: AppFunction, option: string): string | undefined {
  const value = fn.trigger[option];
  return typeof value === "string" && value !== "" ? value : undefined;
}

export function numeric(fn: AppFunction, option: string): number | undefined {
  const value = fn.trigger[option];
  return typeof value === "number" ? value : undefined;
}

/**
 * Name of a change feed's lease. Like the real trigger's own: the function's name is no part of it, so two functions on one container need a
 * `leaseContainerPrefix` each, or they share the changes.
 */
export function leaseId(fn: AppFunction, endpoint: string): string {
  const prefix = optional(fn, "leaseContainerPrefix") ?? "";
  return `${prefix}${new URL(endpoint).hostname}_${required(fn, "databaseName")}_${required(fn, "containerName")}..0`;
}
