import { app } from "@azure/functions";
import { endpoint } from "../../shared/triggers/endpoint.ts";
import { createWebhook as create, shownWebhook } from "../../shared/webhooks/createWebhook.ts";
import { NewWebhookView, WebhookDraft } from "../../shared/webhooks/webhookView.ts";

/** Tells an address of the tenant's of events, by signed requests. */
export const createWebhook = endpoint({
  method: "POST",
  route: "webhooks",
  permission: "webhooks:manage",
  summary: "Create a webhook",
  description: "The answer shows the signing secret, this once. Deliveries follow Standard Webhooks.",
  body: WebhookDraft,
  success: { status: 201, body: NewWebhookView },
  errors: ["unsafe_url", "quota_exceeded"],
  handler: ({ body, tenant }) => create(tenant, body),
  repeat: ({ tenant }, first) => shownWebhook(tenant, first),
});
app.http("createWebhook", createWebhook);
