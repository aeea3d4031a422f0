import { type Message, type QueueName, sendMessage } from "../storage/queues.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { Ordered } from "../tenancy/log.ts";
import type { LogEntry } from "../tenancy/logEntry.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { listEnabledWebhooks } from "../webhooks/listWebhooks.ts";
import type { Webhook } from "../webhooks/webhook.ts";

interface Outgoing {
  readonly queue: QueueName;
  readonly message: Message;
}

/** Messages that are put on queues at the same time. */
const inFlight = 16;

/**
 * Orders the tenant's facts into its log, until there are none, and puts what follows from them on queues: their
 * commands, and a delivery of each event to each webhook that wants it. A step is durable before the next one begins and
 * may be repeated, by anybody and at any time; only the last one forgets the facts. So nothing is lost, and a message can
 * come twice.
 */
export async function appendLog(tenant: TenantScope): Promise<void> {
  for (let ordered = await tenant.log.order(); ordered !== undefined; ordered = await tenant.log.order()) {
    await tenant.log.write(ordered.entries);
    await send([...commandsOf(tenant, ordered), ...(await deliveriesOf(tenant, ordered))]);
    await tenant.log.finish(ordered);
  }
}

function commandsOf({ tenantId }: TenantScope, { facts }: Ordered): Outgoing[] {
  return facts.flatMap(({ requestId, commands }) =>
    commands.map(({ queue, message }) => ({ queue, message: { ...message, tenantId, requestId } })),
  );
}

async function deliveriesOf(tenant: TenantScope, { entries }: Ordered): Promise<Outgoing[]> {
  const events = entries.filter(({ type }) => type !== undefined);
  if (events.length === 0) return [];
  const webhooks = await listEnabledWebhooks(tenant);
  return events.flatMap((entry) =>
    webhooks.filter((webhook) => wants(webhook, entry)).map((webhook) => deliveryOf(tenant, webhook, entry)),
  );
}

function wants({ events }: Webhook, { type }: LogEntry): boolean {
  return type !== undefined && events.includes(type);
}

function deliveryOf({ tenantId }: TenantScope, { id }: Entity<Webhook>, entry: LogEntry): Outgoing {
  const { requestId, month, seq } = entry;
  return { queue: "deliver-webhook", message: { tenantId, requestId, webhookId: id, month, seq } };
}

async function send(messages: readonly Outgoing[]): Promise<void> {
  for (let at = 0; at < messages.length; at += inFlight)
    await Promise.all(messages.slice(at, at + inFlight).map(({ queue, message }) => sendMessage(queue, message)));
}
