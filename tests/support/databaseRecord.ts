import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { KeptRecord } from "../../local/cosmos/recorder.ts";
import { activityId } from "../../shared/tenancy/activityId.ts";
import type { LogFields } from "../../shared/triggers/logLine.ts";
import { prefixes } from "../../shared/tenancy/ids.ts";

/** A running stack whose log is there to be joined with its database's record. */
export interface JoinedStack {
  readonly recordFile: string;
  readonly logFile: string;
}

export interface DatabaseRecord {
  readonly servers: number;
  /** Requests for documents, by who sent them. */
  readonly app: number;
  readonly host: number;
  readonly tests: number;
  /** Of the app's, those that a line of its log tells the caller's tenant of. */
  readonly joined: number;
  /** Of the app, one sentence each. */
  readonly violations: readonly string[];
}

/** What all servers of a run have recorded, and what of it the app must not have done. */
export async function databaseRecord(dir: string, stack?: JoinedStack): Promise<DatabaseRecord> {
  const files = (await readdir(dir)).map((name) => join(dir, name));
  const records = (await Promise.all(files.map((file) => linesOf<KeptRecord>(file)))).flat();
  const sent = records.filter(({ from }) => from === "app");
  const ofStack = stack === undefined ? [] : await linesOf<KeptRecord>(stack.recordFile);
  const log = stack === undefined ? [] : await loggedIn(stack.logFile);
  const callers = callersOf(log);
  const joinable = ofStack.filter(({ from }) => from === "app");
  return {
    servers: files.length,
    app: sent.length,
    host: records.filter(({ from }) => from === "host").length,
    tests: records.filter(({ from }) => from === "test").length,
    joined: joinable.filter((record) => callers.has(record.activityId)).length,
    violations: [
      ...sent.flatMap((record) => (record.violation === undefined ? [] : [sentence(record, record.violation)])),
      ...strays(joinable, callers),
      ...log.flatMap(({ databaseRefused, ...line }) => (databaseRefused === undefined ? [] : [refused(line)])),
    ],
  };
}

async function linesOf<Line>(file: string): Promise<Line[]> {
  const lines = (await readFile(file, "utf8")).split("\n");
  // The last one is empty, or cut off where the process was killed.
  return lines.slice(0, -1).map((line) => JSON.parse(line) as Line);
}

/** What the app logged, of a stack's functions.log. */
async function loggedIn(file: string): Promise<LoggedLine[]> {
  const lines = await linesOf<{ readonly message: string }>(file);
  return lines.flatMap(({ message }) => (message.startsWith("{") ? [JSON.parse(message) as LoggedLine] : []));
}

type LoggedLine = Partial<LogFields>;

/** Functions that what they are given, and not the bearer, opens a tenant to: a link, an invitation, a tenant's grant. */
const openers: readonly unknown[] = ["openGuestSession", "acceptInvitation", "openAccessSession"];

/** The tenants that the app's log names, for each request by its activity id. */
function callersOf(lines: readonly LoggedLine[]): ReadonlyMap<string, ReadonlySet<string>> {
  const callers = new Map<string, ReadonlySet<string>>();
  for (const { requestId, function: name, tenantId, subjectTenantId } of lines) {
    if (requestId === undefined) continue;
    const named = [tenantId, openers.includes(name) ? subjectTenantId : undefined].filter((id) => id !== undefined);
    const id = activityId(requestId);
    callers.set(id, new Set([...(callers.get(id) ?? []), ...named]));
  }
  return callers;
}

/** Requests for another tenant than the log says. A run that left no line was for one tenant. */
function strays(records: readonly KeptRecord[], callers: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const unlogged = new Map<string, string>();
  return records.flatMap((record) => {
    const tenantId = tenantOf(record);
    const tenants = callers.get(record.activityId);
    const first = unlogged.get(record.activityId) ?? tenantId;
    if (tenants === undefined) unlogged.set(record.activityId, first);
    if (isLookup(record, tenants) || (tenants === undefined ? first === tenantId : tenants.has(tenantId))) return [];
    return [
      sentence(record, `another tenant than the caller's (${[...(tenants ?? [first])].join(", ") || "nobody's"})`),
    ];
  });
}

function tenantOf({ partitionKey = "[]" }: KeptRecord): string {
  return String((JSON.parse(partitionKey) as readonly unknown[])[0]);
}

/** What may be read of whatever tenant a credential names, while it is being verified. */
const lookedUp: readonly string[] = [
  prefixes.tenant,
  prefixes.link,
  prefixes.apiKey,
  prefixes.invitation,
  prefixes.accessGrant,
  "mbr",
];

/** Whether it is one of those reads; where nobody's credential held, of any id, since a forged token names any. */
function isLookup({ operation, id = "" }: KeptRecord, callers: ReadonlySet<string> | undefined): boolean {
  return (
    operation === "document.read" && (callers?.size === 0 || lookedUp.some((prefix) => id.startsWith(`${prefix}_`)))
  );
}

function refused({ function: name = "", requestId = "" }: LoggedLine): string {
  return `a request that the guard had to stop: ${name} (request ${requestId})`;
}

function sentence(
  { operation, container = "", partitionKey = "no key", id, activityId: activity }: KeptRecord,
  what: string,
) {
  return `${what}: ${operation} in ${container} ${partitionKey}${id === undefined ? "" : ` ${id}`} (activity ${activity})`;
}
