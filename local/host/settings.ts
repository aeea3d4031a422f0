import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { LocalError } from "../service.ts";
import type { LogLevel } from "./core.ts";

/** What the host takes from host.json, with the host's own defaults. Times are milliseconds. */
export interface HostSettings {
  /** Without slashes at its ends; empty for none. */
  readonly routePrefix: string;
  readonly maxConcurrentRequests: number;
  readonly maxOutstandingRequests: number;
  readonly functionTimeout: number;
  readonly queues: {
    readonly batchSize: number;
    readonly newBatchThreshold: number;
    readonly maxDequeueCount: number;
    readonly visibilityTimeout: number;
    readonly maxPollingInterval: number;
    readonly messageEncoding: "base64" | "none";
  };
  readonly blobs: { readonly maxDegreeOfParallelism: number; readonly poisonBlobThreshold: number };
  /** Least level that is written, by category such as `Function.health.User`; `default` for the rest. */
  readonly logLevels: Readonly<Record<string, LogLevel>>;
}

interface HostJson {
  readonly version?: string;
  readonly functionTimeout?: string;
  readonly logging?: { readonly logLevel?: Readonly<Record<string, string>> };
  readonly extensions?: {
    readonly http?: {
      readonly routePrefix?: string;
      readonly maxConcurrentRequests?: number;
      readonly maxOutstandingRequests?: number;
    };
    readonly queues?: {
      readonly batchSize?: number;
      readonly newBatchThreshold?: number;
      readonly maxDequeueCount?: number;
      readonly visibilityTimeout?: string;
      readonly maxPollingInterval?: string;
      readonly messageEncoding?: string;
    };
    readonly blobs?: { readonly maxDegreeOfParallelism?: number; readonly poisonBlobThreshold?: number };
  };
}

/** Reads host.json of the app. Throws {@link LocalError} when it is missing or malformed. */
export async function readSettings(appDir: string): Promise<HostSettings> {
  const file = join(appDir, "host.json");
  let json: HostJson;
  try {
    json = JSON.parse(await readFile(file, "utf8")) as HostJson;
  } catch (error) {
    throw new LocalError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  if (json.version !== "2.0") throw new LocalError(`${file} must say "version": "2.0".`);
  const { http, queues, blobs } = json.extensions ?? {};
  const batchSize = queues?.batchSize ?? 16;
  return {
    routePrefix: (http?.routePrefix ?? "api").replace(/^\/|\/$/gu, ""),
    maxConcurrentRequests: limit(http?.maxConcurrentRequests),
    maxOutstandingRequests: limit(http?.maxOutstandingRequests),
    functionTimeout: json.functionTimeout === "-1" ? Infinity : milliseconds(json.functionTimeout ?? "00:30:00"),
    queues: {
      batchSize,
      newBatchThreshold: queues?.newBatchThreshold ?? Math.floor(batchSize / 2),
      maxDequeueCount: queues?.maxDequeueCount ?? 5,
      visibilityTimeout: milliseconds(queues?.visibilityTimeout ?? "00:00:00"),
      maxPollingInterval: milliseconds(queues?.maxPollingInterval ?? "00:01:00"),
      messageEncoding: queues?.messageEncoding?.toLowerCase() === "none" ? "none" : "base64",
    },
    blobs: {
      maxDegreeOfParallelism: blobs?.maxDegreeOfParallelism ?? 8,
      poisonBlobThreshold: blobs?.poisonBlobThreshold ?? 5,
    },
    logLevels: Object.fromEntries(
      Object.entries(json.logging?.logLevel ?? {}).map(([category, level]) => [
        category.toLowerCase(),
        level.toLowerCase() as LogLevel,
      ]),
    ),
  };
}

/** A .NET TimeSpan, `[d.]hh:mm:ss[.fff]`. Throws {@link LocalError} for anything else. */
export function milliseconds(timeSpan: string): number {
  const match = /^(?<days>\d*)\.?(?<hours>\d\d):(?<minutes>\d\d):(?<seconds>\d\d)(?<fraction>\.?\d*)$/u.exec(timeSpan);
  if (match?.groups === undefined) throw new LocalError(`"${timeSpan}" is not a time span such as 00:30:00.`);
  const { days, hours, minutes, seconds, fraction } = match.groups;
  const whole = ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds);
  return Math.round((whole + Number(`0${fraction ?? ""}`)) * 1000);
}

/** Replaces `%NAME%` by the app setting of that name, as the host does in the options of triggers. */
export function resolveSetting(text: string, env: Readonly<Record<string, string | undefined>>): string {
  return text.replace(/%(\w+)%/gu, (_, name: string) => {
    const value = env[name];
    if (value === undefined) throw new LocalError(`The setting ${name}, named by a trigger as %${name}%, is missing.`);
    return value;
  });
}

function limit(value: number | undefined): number {
  return value === undefined || value < 0 ? Infinity : value;
}
