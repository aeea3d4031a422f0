import { Webhook as Signer } from "standardwebhooks";
import { now } from "../clock.ts";
import { eventViews, isEvent } from "../log/eventView.ts";
import { sendMessage } from "../storage/queues.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { toJson } from "../web/json.ts";
import { isProblem } from "../web/problem.ts";
import { type Attempt, type Delivery, deliveryId, deliveryKind, retrySeconds } from "./delivery.ts";
import { post } from "./outbound.ts";
import { OutboundFailure } from "./outboundFailure.ts";
import { type Webhook, livingPrevious, secretUse, webhookKind } from "./webhook.ts";

export interface DeliveryMessage {
  readonly webhookId: string;
  /** Place of the event in the tenant's log. */
  readonly month: string;
  readonly seq: number;
  /** Which attempt this message is for, 1 by default; what tells a message from its repeat. */
  readonly attempt?: number;
}

/**
 * Makes one attempt to tell a webhook of an event, and puts the message for the next one on the queue where it fails. A
 * repeated message repeats no attempt that is on record; one that was cut off before that is made again, with the same
 * `webhook-id`, by which the receiver knows it: the delivery's own id, so that a receiver of several tenants' events never
 * takes one for another. Throws for our own faults only, never for the receiver's.
 */
export async function deliverWebhook(tenant: TenantScope, message: DeliveryMessage): Promise<void> {
  const webhook = await tenant.repository.find(webhookKind, message.webhookId);
  if (webhook === undefined) return;
  const delivery = await openDelivery(tenant, webhook, message);
  if (delivery.state !== "pending") return;
  if (webhook.status === "disabled") {
    await record(tenant, delivery, { state: "failed", nextAttemptAt: undefined });
    return;
  }
  if (delivery.attempts.length >= (message.attempt ?? 1)) {
    await scheduleNext(tenant, message, delivery);
    return;
  }
  const attempt = await attemptOf(tenant, webhook, delivery);
  if (attempt.status === 410) await disable(tenant, webhook);
  const outcome = outcomeOf(delivery, attempt);
  const recorded = await record(tenant, delivery, outcome);
  if (recorded) await scheduleNext(tenant, message, outcome);
}

/** The delivery, begun where this is the first message that arrives for it. */
async function openDelivery(
  tenant: TenantScope,
  webhook: Entity<Webhook>,
  { month, seq }: DeliveryMessage,
): Promise<Entity<Delivery>> {
  const entry = await tenant.log.find(month, seq);
  if (entry === undefined || !isEvent(entry)) throw new Error("a delivery of what is no event of the log");
  const id = deliveryId(webhook.id, entry.id);
  const known = await tenant.repository.find(deliveryKind, id);
  if (known !== undefined) return known;
  const [event] = await eventViews(tenant, [entry]);
  const fields: Delivery = {
    webhookId: webhook.id,
    eventId: entry.id,
    state: "pending",
    body: toJson(event),
    attempts: [],
    nextAttemptAt: now().toISOString(),
  };
  try {
    await tenant.change().create(deliveryKind, id, fields).record();
  } catch (error) {
    // Another message for it, or this one's own lost answer, was first.
    if (!isProblem(error, "conflict")) throw error;
  }
  return await tenant.repository.get(deliveryKind, id);
}

async function attemptOf(tenant: TenantScope, webhook: Entity<Webhook>, delivery: Entity<Delivery>): Promise<Attempt> {
  const time = now();
  const headers = {
    "content-type": "application/json",
    "user-agent": "Callpilot-Webhooks/1",
    "webhook-id": delivery.id,
    "webhook-timestamp": String(Math.floor(time.getTime() / 1000)),
    "webhook-signature": await signatures(tenant, webhook, delivery, time),
  };
  const started = performance.now();
  const taken = () => Math.round(performance.now() - started);
  try {
    const status = await post(webhook.url, { headers, body: delivery.body });
    return { at: time.toISOString(), ms: taken(), status };
  } catch (error) {
    if (!(error instanceof OutboundFailure)) throw error;
    return { at: time.toISOString(), ms: taken(), error: error.reason };
  }
}

/** One by each secret that signs at that time, the current one first, separated by spaces as Standard Webhooks has it. */
async function signatures(
  tenant: TenantScope,
  webhook: Entity<Webhook>,
  { id, body }: Entity<Delivery>,
  time: Date,
): Promise<string> {
  const protector = tenant.protector(secretUse);
  const signed = [webhook, ...livingPrevious(webhook, time)].map(async ({ protectedSecret }) => {
    const secret = await protector.unprotect(protectedSecret);
    const signature = new Signer(secret.toString()).sign(id, time, body);
    secret.fill(0);
    return signature;
  });
  return (await Promise.all(signed)).join(" ");
}

type Outcome = Pick<Delivery, "state" | "attempts" | "nextAttemptAt">;

function outcomeOf(delivery: Delivery, attempt: Attempt): Outcome {
  const attempts = [...delivery.attempts, attempt];
  const { status = 0 } = attempt;
  if (status >= 200 && status <= 299) return { state: "delivered", attempts };
  if (status === 410) return { state: "failed", attempts };
  const seconds = retrySeconds[attempts.length - 1];
  if (seconds === undefined) return { state: "exhausted", attempts };
  return { state: "pending", attempts, nextAttemptAt: new Date(now().getTime() + seconds * 1000).toISOString() };
}

/** Whether it was recorded: not where another message has recorded an attempt meanwhile. */
async function record(
  tenant: TenantScope,
  delivery: Entity<Delivery>,
  set: { readonly [Field in keyof Outcome]?: Outcome[Field] | undefined },
): Promise<boolean> {
  const { webhookId, eventId, body } = delivery;
  const { state = delivery.state, attempts = delivery.attempts, nextAttemptAt } = set;
  try {
    await tenant
      .change()
      .replace(deliveryKind, delivery, {
        webhookId,
        eventId,
        body,
        state,
        attempts,
        ...(nextAttemptAt !== undefined && { nextAttemptAt }),
      })
      .record();
    return true;
  } catch (error) {
    if (isProblem(error, "stale")) return false;
    throw error;
  }
}

/** A message that comes twice puts the next one twice; both know by the attempt's number which of them is late. */
async function scheduleNext(
  tenant: TenantScope,
  { webhookId, month, seq }: DeliveryMessage,
  { state, attempts, nextAttemptAt }: Outcome,
): Promise<void> {
  if (state !== "pending" || nextAttemptAt === undefined) return;
  const { tenantId, requestId } = tenant;
  const delaySeconds = Math.max(0, Math.ceil((Date.parse(nextAttemptAt) - now().getTime()) / 1000));
  await sendMessage(
    "deliver-webhook",
    { tenantId, requestId, webhookId, month, seq, attempt: attempts.length + 1 },
    { delaySeconds },
  );
}

/** 410 Gone: the receiver wants no more of it, and is not to be asked again. */
async function disable(tenant: TenantScope, webhook: Entity<Webhook>): Promise<void> {
  try {
    await tenant
      .change()
      .patch(webhookKind, webhook, { status: "disabled" }, { condition: { status: "enabled" } })
      .commit({ target: webhook.id });
  } catch (error) {
    if (!isProblem(error, "stale")) throw error;
  }
}
