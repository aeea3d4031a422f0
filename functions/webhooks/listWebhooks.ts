import { app } from "@azure/functions";
import { endpoint } from "../../shared/triggers/endpoint.ts";
import { listWebhooks as list } from "../../shared/webhooks/listWebhooks.ts";
import { WebhookList, webhookView } from "../../shared/webhooks/webhookView.ts";

/** The tenant's webhooks, the oldest first; there are never so many that they need pages. */
export const listWebhooks = endpoint({
  method: "GET",
  route: "webhooks",
  permission: "webhooks:manage",
  summary: "List webhooks",
  success: { status: 200, body: WebhookList },
  handler: async ({ tenant }) => ({ items: (await list(tenant)).map(webhookView) }),
});
app.http("listWebhooks", listWebhooks);
