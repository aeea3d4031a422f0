import { now } from "../clock.ts";
import { type Invitation, invitationKind, memberId } from "../members/member.ts";
import { isSecret, parseToken } from "../protection/oneTimeToken.ts";
import { admit } from "../tenancy/admit.ts";
import { isTenantId } from "../tenancy/ids.ts";
import type { Entity } from "../tenancy/kind.ts";
import { lookUp } from "../tenancy/lookUp.ts";
import { openScope } from "../tenancy/openScope.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { Problem } from "../web/problem.ts";
import type { RequestFacts } from "./authenticate.ts";
import type { PersonCaller } from "./caller.ts";

/** An invitation that a signed-in person has proven to hold, and the scope of the tenant that it names. */
export interface HeldInvitation {
  readonly tenant: TenantScope;
  readonly invitation: Entity<Invitation>;
  /** The id that the person has, or will have, as a member of that tenant. */
  readonly memberId: string;
}

/**
 * Throws `invitation_invalid` alike for whatever is wrong with the token itself, and `expired` only to who proves to hold
 * it. An accepted invitation is returned too: accepting twice is the accepter's to answer.
 */
export async function verifyInvitation(
  text: string,
  person: PersonCaller,
  facts: RequestFacts,
): Promise<HeldInvitation> {
  const token = parseToken(text);
  if (token === undefined || !isTenantId(token.tenantId)) throw new Problem("invitation_invalid");
  const invitation = await lookUp(invitationKind, token.tenantId, token.id);
  const proven = isSecret(token.secret, invitation?.secretHash);
  if (invitation === undefined || !proven || invitation.status === "revoked") throw new Problem("invitation_invalid");
  if (invitation.status === "open" && invitation.expiresAt <= now().toISOString()) throw new Problem("expired");
  const id = memberId(person.issuer, person.subject);
  admit(token.tenantId);
  const tenant = openScope({ ...facts, tenantId: token.tenantId, actor: { type: "person", id } });
  return { tenant, invitation, memberId: id };
}
