import { derivedId } from "../tenancy/ids.ts";
import { defineKind } from "../tenancy/kind.ts";
import type { OutboundError } from "./outboundFailure.ts";

/** One try to tell a webhook of an event: the receiver's status, or why there was none. */
export interface Attempt {
  readonly at: string;
  /** Milliseconds until the answer. */
  readonly ms: number;
  readonly status?: number;
  readonly error?: OutboundError;
}

/**
 * An event on its way to one webhook. `failed`: the receiver wants no more; `exhausted`: every attempt failed. Written
 * before the first attempt, so that every attempt sends the same bytes.
 */
export interface Delivery {
  readonly webhookId: string;
  readonly eventId: string;
  readonly state: "pending" | "delivered" | "failed" | "exhausted";
  /** The body, exactly as it is sent. */
  readonly body: string;
  readonly attempts: readonly Attempt[];
  readonly nextAttemptAt?: string;
}

/** Kept for 30 days after the last attempt, ten times as long as the attempts take. */
export const deliveryKind = defineKind<Delivery>("delivery", {
  schemaVersion: 1,
  fields: {
    webhookId: "id",
    eventId: "id",
    state: ["pending", "delivered", "failed", "exhausted"],
    body: "secret",
    attempts: { at: "time", ms: "technical", status: "technical", error: "technical" },
    nextAttemptAt: "time",
  },
  ttlSeconds: 30 * 86_400,
});

export function deliveryId(webhookId: string, eventId: string): string {
  return derivedId("dlv", webhookId, eventId);
}

/** Seconds from each failed attempt to the next one: ten attempts in a little more than three days. */
export const retrySeconds = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400] as const;
