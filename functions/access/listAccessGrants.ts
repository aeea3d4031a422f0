import { app } from "@azure/functions";
import { accessGrantKind } from "../../shared/access/accessGrant.ts";
import { AccessGrantView, accessGrantView } from "../../shared/access/accessView.ts";
import { PageOf, closed, paging } from "../../shared/schema.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";

/** What operators have asked to see, and what became of it. */
export const listAccessGrants = endpoint({
  method: "GET",
  route: "access-grants",
  permission: "access:read",
  summary: "List requests for access and grants",
  description: "The latest first. They leave 90 days after their last change; the log tells of them for ever.",
  query: closed(paging),
  success: { status: 200, body: PageOf(AccessGrantView) },
  handler: async ({ query, tenant }) => {
    const page = await tenant.repository.list(accessGrantKind, query);
    return { ...page, items: page.items.map(accessGrantView) };
  },
});
app.http("listAccessGrants", listAccessGrants);
