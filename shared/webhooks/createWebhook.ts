import { counting } from "../tenancy/counting.ts";
import { newId, prefixes } from "../tenancy/ids.ts";
import type { Remembered, TenantScope } from "../tenancy/scope.ts";
import { counters, limits } from "../tenants/tenant.ts";
import { Problem } from "../web/problem.ts";
import { listWebhooks } from "./listWebhooks.ts";
import { safeUrl } from "./outbound.ts";
import { OutboundFailure } from "./outboundFailure.ts";
import { type Webhook, newSecret, secretUse, webhookKind } from "./webhook.ts";
import { type NewWebhookView, type WebhookDraft, maxUrlLength, webhookView } from "./webhookView.ts";

/** Makes a webhook with a secret of 256 bits. Throws `unsafe_url` and `quota_exceeded`. */
export async function createWebhook(tenant: TenantScope, { url, events }: WebhookDraft): Promise<NewWebhookView> {
  const address = checked(url);
  const existing = async () => (await listWebhooks(tenant)).length;
  return await counting(tenant, counters.webhooks, existing, () => create(tenant, { url: address, events }));
}

async function create(tenant: TenantScope, { url, events }: WebhookDraft): Promise<NewWebhookView> {
  const id = newId(prefixes.webhook);
  const secret = newSecret();
  const webhook: Webhook = {
    url,
    events,
    status: "enabled",
    protectedSecret: await tenant.protector(secretUse).protect(secret),
  };
  const committed = await tenant
    .change()
    .create(webhookKind, id, webhook)
    .count(counters.webhooks, 1, { atMost: limits.webhooks, beyond: "quota_exceeded" })
    .remember({ id, secret: await tenant.protector("once-shown").protect(secret) })
    .commit({ target: id });
  const { at } = committed;
  return { ...webhookView({ ...webhook, id, createdAt: at, updatedAt: at, etag: committed.etag(id) }), secret };
}

/** The webhook of a repeated request, with the secret that the first answer to it showed. */
export async function shownWebhook(tenant: TenantScope, { id = "", secret = "" }: Remembered): Promise<NewWebhookView> {
  const webhook = await tenant.repository.get(webhookKind, id);
  return { ...webhookView(webhook), secret: (await tenant.protector("once-shown").unprotect(secret)).toString() };
}

function checked(url: string): string {
  let address: string;
  try {
    address = safeUrl(url).href;
  } catch (error) {
    if (!(error instanceof OutboundFailure)) throw error;
    throw new Problem("unsafe_url", { detail: "A webhook is reached by https on port 443, at a public name" });
  }
  // Percent-encoding makes it longer than what was sent.
  if (address.length > maxUrlLength)
    throw new Problem("unsafe_url", { detail: `The address is longer than ${maxUrlLength} characters when encoded` });
  return address;
}
