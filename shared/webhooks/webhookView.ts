import { Type } from "@sinclair/typebox";
import { Choice, List, type Static, Time, closed } from "../schema.ts";
import { eventTypes } from "../tenancy/fact.ts";
import { Id, prefixes } from "../tenancy/ids.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { Webhook } from "./webhook.ts";

export const maxUrlLength = 2_000;

const fields = {
  url: Type.String({ minLength: 1, maxLength: maxUrlLength, description: "https on port 443 of a public name" }),
  events: Type.Array(Choice(eventTypes), { minItems: 1, maxItems: eventTypes.length, uniqueItems: true }),
};

export const WebhookDraft = closed(fields);
export type WebhookDraft = Static<typeof WebhookDraft>;

const shown = {
  id: Id(prefixes.webhook),
  ...fields,
  status: Choice(["enabled", "disabled"], "disabled once the receiver has answered 410"),
  createdAt: Time,
  updatedAt: Time,
};

export const WebhookView = closed(shown);
export type WebhookView = Static<typeof WebhookView>;

export const WebhookList = closed({ items: List(WebhookView, 100) });

/** A webhook as it is made, with its secret. */
export const NewWebhookView = closed({
  ...shown,
  secret: Type.String({
    pattern: "^whsec_[A-Za-z0-9+/]{43}=$",
    maxLength: 50,
    description: "Verifies signatures (standardwebhooks.com); shown once",
  }),
});
export type NewWebhookView = Static<typeof NewWebhookView>;

export function webhookView({ id, url, events, status, createdAt, updatedAt }: Entity<Webhook>): WebhookView {
  return { id, url, events: [...events], status, createdAt, updatedAt };
}
