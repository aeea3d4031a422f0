import { app } from "@azure/functions";
import { Choice, closed, optional } from "../../shared/schema.ts";
import { putTemplate as put } from "../../shared/templates/putTemplate.ts";
import { TemplateDraft, TemplateView, templateView } from "../../shared/templates/templateView.ts";
import { Reply } from "../../shared/triggers/contract.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";

/** Creates a template under an id of the client's making, or replaces the version that it has read. */
export const putTemplate = endpoint({
  method: "PUT",
  route: "templates/{templateId}",
  permission: "templates:manage",
  policy: "wholeTenant",
  summary: "Create or replace a template",
  description: "Surveys are not touched: they ask a published version. With `dryRun=true` nothing is stored.",
  query: closed({ dryRun: optional(Choice(["true", "false"], "Check only, and show what would be stored")) }),
  body: TemplateDraft,
  success: { status: 200, body: TemplateView, etag: true },
  errors: ["questions", "quota_exceeded"],
  precondition: "match-or-create",
  handler: async ({ params, query, body, tenant, ifMatch }) => {
    const { templateId } = params;
    const { etag, ...template } = await put(tenant, {
      templateId,
      draft: body,
      ifMatch,
      dryRun: query.dryRun === "true",
    });
    return new Reply(templateView(template), etag === undefined ? {} : { etag });
  },
});
app.http("putTemplate", putTemplate);
