import { app } from "@azure/functions";
import { endpoint } from "../../shared/triggers/endpoint.ts";
import { shownWebhook } from "../../shared/webhooks/createWebhook.ts";
import { rotateWebhook as rotate } from "../../shared/webhooks/rotateWebhook.ts";
import { NewWebhookView } from "../../shared/webhooks/webhookView.ts";

/** Replaces a webhook's signing secret, with a day in which both sign. */
export const rotateWebhook = endpoint({
  method: "POST",
  route: "webhooks/{webhookId}/rotate",
  permission: "webhooks:manage",
  policy: "wholeTenant",
  summary: "Replace a webhook's secret",
  description:
    "The answer shows the new signing secret, this once. For 24 hours deliveries carry a signature by each of the two, separated by a space, so that the receiver can change over meanwhile.",
  success: { status: 200, body: NewWebhookView },
  errors: ["quota_exceeded"],
  handler: ({ params, tenant }) => rotate(tenant, params.webhookId),
  repeat: ({ tenant }, first) => shownWebhook(tenant, first),
});
app.http("rotateWebhook", rotateWebhook);
