import { app } from "@azure/functions";
import { PageOf, closed, paging } from "../../shared/schema.ts";
import { templateKind } from "../../shared/templates/template.ts";
import { TemplateItem, templateItem } from "../../shared/templates/templateView.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";

/** The tenant's templates, those changed last first. */
export const listTemplates = endpoint({
  method: "GET",
  route: "templates",
  permission: "templates:read",
  summary: "List templates",
  query: closed(paging),
  success: { status: 200, body: PageOf(TemplateItem) },
  handler: async ({ query, tenant }) => {
    const { items, ...page } = await tenant.repository.list(templateKind, { ...query, orderBy: "updatedAt" });
    return { ...page, items: items.map(templateItem) };
  },
});
app.http("listTemplates", listTemplates);
