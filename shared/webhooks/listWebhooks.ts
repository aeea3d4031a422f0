import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { limits } from "../tenants/tenant.ts";
import { type Webhook, webhookKind } from "./webhook.ts";

/** All of the tenant's webhooks, the oldest first. One query. */
export async function listWebhooks(tenant: TenantScope): Promise<readonly Entity<Webhook>[]> {
  // Before they were counted, two who made the last one at the same time both succeeded: there can be a few more.
  const { items } = await tenant.repository.list(webhookKind, { limit: limits.webhooks * 2 });
  return items;
}

/** Those that are told of events. */
export async function listEnabledWebhooks(tenant: TenantScope): Promise<readonly Entity<Webhook>[]> {
  return (await listWebhooks(tenant)).filter(({ status }) => status === "enabled");
}
