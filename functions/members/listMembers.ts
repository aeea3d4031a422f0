import { app } from "@azure/functions";
import { memberKind } from "../../shared/members/member.ts";
import { MemberView, memberView } from "../../shared/members/memberView.ts";
import { PageOf, closed, paging } from "../../shared/schema.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";

export const listMembers = endpoint({
  method: "GET",
  route: "members",
  permission: "members:manage",
  summary: "List the members",
  description: "In the order in which they joined.",
  query: closed(paging),
  success: { status: 200, body: PageOf(MemberView) },
  handler: async ({ query, tenant }) => {
    const page = await tenant.repository.list(memberKind, query);
    return { ...page, items: page.items.map(memberView) };
  },
});
app.http("listMembers", listMembers);
