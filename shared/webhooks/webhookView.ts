import { Type } from "@sinclair/typebox";
import { now } from "../clock.ts";
import { Choice, List, type Static, Time, closed, optional } from "../schema.ts";
import { eventTypes } from "../tenancy/fact.ts";
import { Id, prefixes } from "../tenancy/ids.ts";
import type { Entity } from "../tenancy/kind.ts";
import { type Webhook, livingPrevious } from "./webhook.ts";

export const maxUrlLength = 2_000;

const fields = {
  // A URL's parser drops line ends and tabs, so that another address than the written one would be stored.
  url: Type.String({
    minLength: 1,
    maxLength: maxUrlLength,
    pattern: "^[^\\s\\p{Cc}]+$",
    description: "https on port 443 of a public name",
  }),
  events: Type.Array(Choice(eventTypes), { minItems: 1, maxItems: eventTypes.length, uniqueItems: true }),
};

export const WebhookDraft = closed(fields);
export type WebhookDraft = Static<typeof WebhookDraft>;

const shown = {
  id: Id(prefixes.webhook),
  ...fields,
  status: Choice(["enabled", "disabled"], "disabled once the receiver has answered 410"),
  /** How long secrets that were replaced sign, too. */
  previousSecretsUntil: optional(Time),
  createdAt: Time,
  updatedAt: Time,
};

export const WebhookView = closed(shown);
export type WebhookView = Static<typeof WebhookView>;

export const WebhookList = closed({ items: List(WebhookView, 100) });

/** A webhook as it is made or rotated, with its new secret. */
export const NewWebhookView = closed({
  ...shown,
  secret: Type.String({
    pattern: "^whsec_[A-Za-z0-9+/]{43}=$",
    maxLength: 50,
    description: "Verifies signatures (standardwebhooks.com); shown once",
  }),
});
export type NewWebhookView = Static<typeof NewWebhookView>;

export function webhookView(webhook: Entity<Webhook>): WebhookView {
  const { id, url, events, status, createdAt, updatedAt } = webhook;
  const [newest] = livingPrevious(webhook, now());
  return {
    id,
    url,
    events: [...events],
    status,
    ...(newest !== undefined && { previousSecretsUntil: newest.until }),
    createdAt,
    updatedAt,
  };
}
