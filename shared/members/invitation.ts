import { now } from "../clock.ts";
import { newSecret, secretHash, tokenText } from "../protection/oneTimeToken.ts";
import type { Command } from "../tenancy/fact.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { type Invitation, type MemberRole, invitationTokenUse } from "./member.ts";

const days = 7;

/** Scope of the reservations that keep an e-mail address to one invitation or member of a tenant. */
export const emailReservation = "email";

/** An open invitation with a token of its own, to be stored under the id. */
export async function openInvitation(
  tenant: TenantScope,
  id: string,
  { email, role }: { readonly email: string; readonly role: MemberRole },
): Promise<Invitation> {
  const secret = newSecret();
  const token = tokenText({ tenantId: tenant.tenantId, id, secret });
  return {
    email,
    role,
    status: "open",
    secretHash: secretHash(secret),
    protectedToken: await tenant.protector(invitationTokenUse).protect(token),
    expiresAt: new Date(now().getTime() + days * 86_400_000).toISOString(),
  };
}

/** Whether its token still makes a member. */
export function isOpen(invitation: Invitation): boolean {
  return invitation.status === "open" && invitation.expiresAt > now().toISOString();
}

/** The command that mails an invitation. */
export function mailInvitation(id: string): Command {
  return { queue: "send-mail", message: { template: "invitation", id } };
}
