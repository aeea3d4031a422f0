import { app } from "@azure/functions";
import { publishTemplate as publish } from "../../shared/templates/publishTemplate.ts";
import { templateVersionKind } from "../../shared/templates/template.ts";
import { TemplateVersionView, templateVersionView } from "../../shared/templates/templateView.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";

/** Freezes a template's draft as its next version, which surveys can then ask. */
export const publishTemplate = endpoint({
  method: "POST",
  route: "templates/{templateId}/publish",
  permission: "templates:manage",
  policy: "wholeTenant",
  summary: "Publish a template",
  success: { status: 201, body: TemplateVersionView },
  errors: ["unchanged", "quota_exceeded"],
  handler: ({ params, tenant }) => publish(tenant, params.templateId),
  repeat: async ({ tenant }, { id = "" }) => templateVersionView(await tenant.repository.get(templateVersionKind, id)),
});
app.http("publishTemplate", publishTemplate);
