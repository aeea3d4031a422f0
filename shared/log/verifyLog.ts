import type { PublicKey } from "../protection/signature.ts";
import { type LogEntry, entryHash, entryId, genesis } from "../tenancy/logEntry.ts";
import { type Seal, isSealedBy } from "./seal.ts";

/** Something that is not as it was written; `sequence` is the entry at which it shows. */
export interface Finding {
  readonly sequence: number;
  readonly message: string;
}

export interface Verification {
  readonly findings: readonly Finding[];
  /** The last entry that a valid seal vouches for; 0 where none does. */
  readonly sealed: number;
  /** When that was signed. */
  readonly sealedAt?: string;
  /** The last entry there is. What is behind `sealed` is chained, and not yet sealed. */
  readonly last: number;
  /** When the first entry happened that is not sealed, where those behind it show that a night has passed it by. */
  readonly overdueSince?: string;
}

/** Longer than any two seals of a log in use are apart: one is due every night. */
const overdueMs = 2 * 86_400_000;

/** What an entry has to follow. */
export type ChainEnd = Pick<LogEntry, "seq" | "hash" | "month">;

/** Where a log begins. */
export const chainStart: ChainEnd = { seq: 0, hash: genesis, month: "" };

/** What is wrong with an entry as the one that follows another; undefined where it is right. */
export function breakAt(before: ChainEnd, { hash, ...entry }: LogEntry): string | undefined {
  const expected = before.seq + 1;
  if (entry.seq > expected) return `entry ${expected} is missing`;
  if (entry.seq < 1) return `there is no entry ${entry.seq}`;
  if (entry.seq < expected) return `entry ${entry.seq} is there twice`;
  if (entry.id !== entryId(entry.seq) || entryHash(entry) !== hash) return `entry ${entry.seq} was changed`;
  if (entry.prevHash !== before.hash) return `entry ${entry.seq} does not follow entry ${before.seq}`;
  return entry.month < before.month
    ? `entry ${entry.seq} stands in a month before that of entry ${before.seq}`
    : undefined;
}

/**
 * Checks a tenant's whole log, in any order, against its seals. `keys` are those that are believed: keys that came
 * together with the log prove nothing of it. Asks nobody.
 */
export function verifyLog(log: {
  readonly tenantId: string;
  readonly entries: readonly LogEntry[];
  readonly seals: readonly Seal[];
  readonly keys: readonly PublicKey[];
}): Verification {
  const entries = log.entries.toSorted((one, other) => one.seq - other.seq);
  const findings: Finding[] = [];
  let before = chainStart;
  for (const entry of entries) {
    const message = breakAt(before, entry);
    if (message !== undefined) findings.push({ sequence: entry.seq, message });
    before = entry;
  }
  const places = new Map(entries.map((entry, at) => [entry.seq, at]));
  const valid: Seal[] = [];
  for (const seal of log.seals) {
    const message = wrongWith(seal, log) ?? contradiction(seal, entries, places.get(seal.sequence));
    if (message === undefined) valid.push(seal);
    else findings.push({ sequence: seal.sequence, message });
  }
  const newest = valid.toSorted((one, other) => one.sequence - other.sequence).at(-1);
  const all = [...findings, ...unclosed(entries, valid, newest?.sequence ?? 0)].toSorted(
    (one, other) => one.sequence - other.sequence,
  );
  const sealed = newest?.sequence ?? 0;
  const overdueSince = overdue(entries.filter(({ seq }) => seq > sealed));
  return {
    findings: all,
    sealed,
    ...(newest !== undefined && { sealedAt: newest.at }),
    last: before.seq,
    ...(overdueSince !== undefined && { overdueSince }),
  };
}

/** By the log's own times: whoever checks a file may do so years later. */
function overdue(unsealed: readonly LogEntry[]): string | undefined {
  const [since, until] = [unsealed[0]?.occurredAt ?? "", unsealed.at(-1)?.occurredAt ?? ""];
  return Date.parse(until) - Date.parse(since) > overdueMs ? since : undefined;
}

function wrongWith(
  seal: Seal,
  { tenantId, keys }: { readonly tenantId: string; readonly keys: readonly PublicKey[] },
): string | undefined {
  const of = `the seal of entry ${seal.sequence}`;
  if (seal.tenantId !== tenantId) return `${of} is another tenant's`;
  const key = keys.find(({ kid }) => kid === seal.kid);
  if (key === undefined) return `${of} is signed with a key that is not believed`;
  return isSealedBy(key, seal) ? undefined : `${of} has a wrong signature`;
}

/** What the log says against a seal that is true. */
function contradiction(
  { kind, month, sequence, hash }: Seal,
  entries: readonly LogEntry[],
  at = -1,
): string | undefined {
  const entry = entries[at];
  if (entry === undefined) return `entry ${sequence}, which was sealed, is missing`;
  if (entry.hash !== hash || entry.month !== month) return `entry ${sequence} is not the one that was sealed`;
  const next = entries[at + 1];
  if (kind === "close" && next !== undefined && next.month <= month)
    return `entry ${next.seq} stands in the month ${month}, which was closed before it`;
  return undefined;
}

/** Months that ended before the newest seal and have no closing one: a month is closed before what comes behind it. */
function unclosed(entries: readonly LogEntry[], valid: readonly Seal[], sealed: number): Finding[] {
  const closed = new Set(valid.filter(({ kind }) => kind === "close").map(({ month }) => month));
  return entries.flatMap(({ seq, month }, at) => {
    const next = entries[at + 1];
    const ends = next !== undefined && next.month !== month && next.seq <= sealed;
    return ends && !closed.has(month) ? [{ sequence: seq, message: `the month ${month} has no closing seal` }] : [];
  });
}
