import { app } from "@azure/functions";
import { templateKind } from "../../shared/templates/template.ts";
import { TemplateView, templateView } from "../../shared/templates/templateView.ts";
import { Reply } from "../../shared/triggers/contract.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";

/** A template's draft, and which version of it was published last. */
export const getTemplate = endpoint({
  method: "GET",
  route: "templates/{templateId}",
  permission: "templates:read",
  policy: "wholeTenant",
  summary: "Show a template",
  success: { status: 200, body: TemplateView, etag: true },
  handler: async ({ params, tenant }) => {
    const template = await tenant.repository.get(templateKind, params.templateId);
    return new Reply(templateView(template), { etag: template.etag });
  },
});
app.http("getTemplate", getTemplate);
