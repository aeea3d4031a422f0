import { now } from "../clock.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { Problem } from "../web/problem.ts";
import { type Webhook, livingPrevious, maxPreviousSecrets, newSecret, secretUse, webhookKind } from "./webhook.ts";
import { type NewWebhookView, webhookView } from "./webhookView.ts";

/** How long a replaced secret signs beside the new one. */
const overlapMs = 24 * 3_600_000;

/**
 * Gives a webhook a new secret. For 24 hours the replaced one signs as well, and so does each that was replaced shortly
 * before it. Throws `quota_exceeded` at the sixth secret in that time, `conflict` where the webhook changes meanwhile.
 */
export async function rotateWebhook(tenant: TenantScope, webhookId: string): Promise<NewWebhookView> {
  const webhook = await tenant.repository.get(webhookKind, webhookId);
  const living = livingPrevious(webhook, now());
  if (living.length >= maxPreviousSecrets)
    throw new Problem("quota_exceeded", { detail: `A webhook is rotated ${maxPreviousSecrets} times a day at most` });
  const secret = newSecret();
  const until = new Date(now().getTime() + overlapMs).toISOString();
  const set: Partial<Webhook> = {
    protectedSecret: await tenant.protector(secretUse).protect(secret),
    previousSecrets: [{ protectedSecret: webhook.protectedSecret, until }, ...living],
  };
  const { at } = await tenant
    .change()
    .patch(webhookKind, webhook, set, { ifMatch: webhook.etag, otherwise: { stale: "conflict" } })
    .remember({ id: webhookId, secret: await tenant.protector("once-shown").protect(secret) })
    .commit({ target: webhookId });
  return { ...webhookView({ ...webhook, ...set, updatedAt: at }), secret };
}
