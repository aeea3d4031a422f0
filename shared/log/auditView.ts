import { Type } from "@sinclair/typebox";
import { Choice, Sha256, type Static, Time, closed, optional } from "../schema.ts";
import { type Actor, actorTypes, eventTypes } from "../tenancy/fact.ts";
import type { LogEntry } from "../tenancy/logEntry.ts";
import { EventData, Sequence } from "./eventView.ts";

export const ActorId = Type.String({ pattern: "^[\\w-]{1,64}$", maxLength: 64, description: "Id of who acted" });
export const TargetId = Type.String({
  pattern: "^[\\w-]{1,128}$",
  maxLength: 128,
  description: "Id of what it was done to; the tenant's own where the path names nothing",
});
export const Month = Type.String({
  pattern: "^[0-9]{4}-(?:0[1-9]|1[0-2])$",
  maxLength: 7,
  description: "Part of the log: YYYY-MM, in UTC",
});
const Word = Type.String({ pattern: "^\\w{1,64}$", maxLength: 64 });

/**
 * One entry of the tenant's log: who, what, to which, from where, with which result. Whole, so that its hash can be
 * computed again; what is personal is behind the ids.
 */
export const AuditEntry = closed({
  id: Type.String({ pattern: "^evt_[0-9]{12}$", maxLength: 16 }),
  sequence: Sequence,
  month: Month,
  time: Time,
  actor: closed({ type: Choice(actorTypes), id: ActorId }),
  action: Type.String({ pattern: "^\\w{1,64}$", maxLength: 64, description: "Name of the function" }),
  target: TargetId,
  result: Choice(["done", "denied"]),
  code: optional(Type.String({ ...Word, description: "Code of the problem that a denied caller was answered with" })),
  source: optional(
    Type.String({
      pattern: "^[0-9a-f]{32}$",
      maxLength: 32,
      description: "Keyed hash of the address that the request came from: equal for equal addresses",
    }),
  ),
  requestId: Type.String({ pattern: "^[\\w.-]{1,64}$", maxLength: 64 }),
  type: optional(Choice(eventTypes, "The event that it is")),
  data: EventData,
  prevHash: Sha256,
  hash: Sha256,
});
export type AuditEntry = Static<typeof AuditEntry>;

export function auditEntry(entry: LogEntry): AuditEntry {
  const { id, seq, month, occurredAt, actor, action, target, denied, source, requestId, type, data, prevHash, hash } =
    entry;
  return {
    id,
    sequence: seq,
    month,
    time: occurredAt,
    actor: { type: actor.type, id: actor.id },
    action,
    target,
    result: denied === undefined ? "done" : "denied",
    ...(denied !== undefined && { code: denied }),
    ...(source !== undefined && { source }),
    requestId,
    ...(type !== undefined && { type }),
    data: { ...data },
    prevHash,
    hash,
  };
}

/** The entry that {@link auditEntry} showed, as it is stored and hashed. */
export function logEntry(view: AuditEntry): LogEntry {
  const { id, sequence, month, time, actor, action, target, code, source, requestId, type, data, prevHash, hash } =
    view;
  return {
    id,
    seq: sequence,
    month,
    occurredAt: time,
    ...(type !== undefined && { type }),
    data,
    action,
    actor: { type: actor.type, id: actor.id } satisfies Actor,
    requestId,
    ...(source !== undefined && { source }),
    target,
    ...(code !== undefined && { denied: code }),
    prevHash,
    hash,
  };
}
