import { createHash } from "node:crypto";
import { canonicalJson } from "../web/canonicalJson.ts";
import type { Actor, EventType } from "./fact.ts";

/** One entry of a tenant's log: one event of a fact, or the fact itself where it had none. */
export interface LogEntry {
  /** `evt_` and the sequence number in twelve digits. */
  readonly id: string;
  readonly seq: number;
  /** `YYYY-MM`, the log's partition; never before that of the entry before. */
  readonly month: string;
  /** When it happened, RFC 3339. */
  readonly occurredAt: string;
  /** Absent on an entry that is for the audit only. */
  readonly type?: EventType;
  readonly data: Readonly<Record<string, string | number | boolean | null>>;
  readonly action: string;
  readonly actor: Actor;
  readonly requestId: string;
  readonly source?: string;
  readonly target: string;
  /** Code of the problem that the actor was refused with; absent where it was done. */
  readonly denied?: string;
  /** SHA-256, hex, of the entry before; 64 zeros before the first. */
  readonly prevHash: string;
  /** SHA-256, hex, of this entry without this field. */
  readonly hash: string;
}

/** What stands for the hash before the first entry. */
export const genesis = "0".repeat(64);

/** SHA-256, hex, of an entry's canonical JSON. */
export function entryHash(entry: Omit<LogEntry, "hash">): string {
  return createHash("sha256").update(canonicalJson(entry)).digest("hex");
}

/** Id of the entry with a sequence number. */
export function entryId(seq: number): string {
  return `evt_${String(seq).padStart(12, "0")}`;
}
