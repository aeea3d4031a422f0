import type { EventType } from "../tenancy/fact.ts";
import { defineKind } from "../tenancy/kind.ts";

/** Webhooks that a tenant can have. */
export const maxWebhooks = 50;

/** An address that is told of the tenant's events. */
export interface Webhook {
  readonly url: string;
  readonly events: readonly EventType[];
  /** `disabled` once the receiver has answered 410: it wants no more. */
  readonly status: "enabled" | "disabled";
  /** The signing secret, `whsec_…`, protected. */
  readonly protectedSecret: string;
}

export const webhookKind = defineKind<Webhook>("webhook", {
  schemaVersion: 1,
  lists: [{ where: [], orderBy: "createdAt", direction: "ascending" }],
});

/** The use that signing secrets are protected for. */
export const secretUse = "webhook-secret";
