import { app } from "@azure/functions";
import type { Caller } from "../../shared/auth/caller.ts";
import { scopesOf, scopesOfRole } from "../../shared/auth/permissions.ts";
import { inviteMember } from "../../shared/members/inviteMember.ts";
import { type MemberRole, invitationKind, memberRoles } from "../../shared/members/member.ts";
import { InvitationView, invitationView } from "../../shared/members/memberView.ts";
import { Choice, Email, closed } from "../../shared/schema.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";
import { Problem } from "../../shared/web/problem.ts";

/** Invites somebody by mail; they become a member by accepting. */
export const addMember = endpoint({
  method: "POST",
  route: "members",
  permission: "members:manage",
  summary: "Invite a member",
  description: "An invitation holds one of the tenant's seats. One that has expired can be made again.",
  body: closed({ email: Email, role: Choice(memberRoles) }),
  success: { status: 201, body: InvitationView },
  errors: ["owner_only", "scope_escalation", "exists", "quota_exceeded"],
  handler: async ({ body, caller, tenant }) => {
    if (body.role === "owner" && !(caller.type === "member" && caller.role === "owner"))
      throw new Problem("owner_only");
    // An admin may do more than any key, and could make keys. Whoever else is invited holds no scope that the key has not;
    // what is no scope of keys, such as deciding, people may do all the same.
    if (caller.type === "service" && (body.role === "admin" || !holdsAllOf(caller, body.role)))
      throw new Problem("scope_escalation");
    return invitationView(await inviteMember(tenant, caller.tenant.quotas.members, body));
  },
  repeat: async ({ tenant }, { id = "" }) => invitationView(await tenant.repository.get(invitationKind, id)),
});
app.http("addMember", addMember);

function holdsAllOf(caller: Caller, role: MemberRole): boolean {
  const held = scopesOf(caller);
  return scopesOfRole(role).every((scope) => held.includes(scope));
}
