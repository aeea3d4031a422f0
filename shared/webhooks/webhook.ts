import { randomBytes } from "node:crypto";
import { type EventType, eventTypes } from "../tenancy/fact.ts";
import { defineKind } from "../tenancy/kind.ts";

/** Secrets of one webhook that sign beside the current one: as many as it can be rotated in the time of an overlap. */
export const maxPreviousSecrets = 4;

/** An address that is told of the tenant's events. */
export interface Webhook {
  readonly url: string;
  readonly events: readonly EventType[];
  /** `disabled` once the receiver has answered 410: it wants no more. */
  readonly status: "enabled" | "disabled";
  /** The signing secret, `whsec_…`, protected. */
  readonly protectedSecret: string;
  /** Those it replaced, the newest first: each signs beside it until the receiver has had time to learn the new one. */
  readonly previousSecrets?: readonly PreviousSecret[];
}

export interface PreviousSecret {
  readonly protectedSecret: string;
  readonly until: string;
}

export const webhookKind = defineKind<Webhook>("webhook", {
  schemaVersion: 1,
  fields: {
    url: "secret",
    events: eventTypes,
    status: ["enabled", "disabled"],
    protectedSecret: "secret",
    previousSecrets: { protectedSecret: "secret", until: "time" },
  },
  lists: [{ where: [], orderBy: "createdAt", direction: "ascending" }],
});

/** The use that signing secrets are protected for. */
export const secretUse = "webhook-secret";

export function newSecret(): string {
  return `whsec_${randomBytes(32).toString("base64")}`;
}

/** The replaced secrets of a webhook that still sign at that time. */
export function livingPrevious({ previousSecrets = [] }: Webhook, at: Date): readonly PreviousSecret[] {
  return previousSecrets.filter(({ until }) => until > at.toISOString());
}
