import { app } from "@azure/functions";
import { Type } from "@sinclair/typebox";
import { Whole, optional } from "../../shared/schema.ts";
import { Sequence } from "../../shared/log/eventView.ts";
import { Id, prefixes } from "../../shared/tenancy/ids.ts";
import { queueTrigger } from "../../shared/triggers/queueTrigger.ts";
import { deliverWebhook as deliver } from "../../shared/webhooks/deliverWebhook.ts";

/** Sends one event to one webhook, and sees to the next attempt where that fails. */
export const deliverWebhook = queueTrigger({
  queue: "deliver-webhook",
  message: {
    webhookId: Id(prefixes.webhook),
    month: Type.String({ pattern: "^[0-9]{4}-[0-9]{2}$", maxLength: 7 }),
    seq: Sequence,
    attempt: optional(Whole(1, 100)),
  },
  handler: ({ tenant, message }) => deliver(tenant, message),
});
app.storageQueue("deliverWebhook", deliverWebhook);
