import { newId, prefixes } from "../tenancy/ids.ts";
import type { Entity } from "../tenancy/kind.ts";
import { reservationId, reservationKind } from "../tenancy/reservation.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { counters } from "../tenants/tenant.ts";
import { Problem } from "../web/problem.ts";
import { emailReservation, isOpen, mailInvitation, openInvitation } from "./invitation.ts";
import { type Invitation, type MemberRole, invitationKind } from "./member.ts";

/**
 * Invites somebody by mail and gives them one of the tenant's seats. An invitation that has expired is opened again, with
 * a new token. Throws `exists` where the address is a member's or invited, `quota_exceeded` without a free seat.
 */
export async function inviteMember(
  tenant: TenantScope,
  seats: number,
  { email, role }: { readonly email: string; readonly role: MemberRole },
): Promise<Entity<Invitation>> {
  const expired = await expiredInvitation(tenant, email);
  const id = expired?.id ?? newId(prefixes.invitation);
  const invitation = await openInvitation(tenant, id, { email, role });
  const change = tenant.change();
  if (expired === undefined)
    change
      .reserve(emailReservation, email, id, "exists")
      .create(invitationKind, id, invitation)
      .count(counters.members, 1, { atMost: seats, beyond: "quota_exceeded" });
  else change.replace(invitationKind, expired, invitation, expired.etag, { stale: "conflict" });
  const committed = await change.remember({ id }).commit({ target: id, commands: [mailInvitation(id)] });
  const { at } = committed;
  return { ...invitation, id, createdAt: expired?.createdAt ?? at, updatedAt: at, etag: committed.etag(id) };
}

async function expiredInvitation(tenant: TenantScope, email: string): Promise<Entity<Invitation> | undefined> {
  const reservation = await tenant.repository.find(reservationKind, reservationId(emailReservation, email));
  if (reservation === undefined) return undefined;
  const invitation = await tenant.repository.find(invitationKind, reservation.owner);
  if (invitation?.status !== "open" || isOpen(invitation)) throw new Problem("exists");
  return invitation;
}
