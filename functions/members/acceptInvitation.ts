import { app } from "@azure/functions";
import { verifyInvitation } from "../../shared/auth/invitation.ts";
import { acceptInvitation as accept } from "../../shared/members/acceptInvitation.ts";
import { MemberView, memberView } from "../../shared/members/memberView.ts";
import { Line, closed } from "../../shared/schema.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";

/** Binds whoever is signed in to the tenant of an invitation, by its one-time token and nothing else. */
export const acceptInvitation = endpoint({
  method: "POST",
  route: "invitations/accept",
  permission: "invitation:accept",
  summary: "Accept an invitation",
  description:
    "Accepting again answers the same. The token names the tenant; the caller's own tenant claim is ignored.",
  body: closed({ token: Line(200, "The one-time code of the invitation's mail") }),
  success: { status: 201, body: MemberView },
  errors: ["invitation_invalid", "expired", "exists"],
  handler: async ({ body, caller, facts }) => {
    const { tenant, invitation, memberId } = await verifyInvitation(body.token, caller, facts);
    return memberView(await accept(tenant, invitation, memberId));
  },
  repeat: "natural",
});
app.http("acceptInvitation", acceptInvitation);
