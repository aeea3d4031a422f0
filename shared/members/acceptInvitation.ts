import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { counters, tenantKind } from "../tenants/tenant.ts";
import { Problem, isProblem } from "../web/problem.ts";
import { type Invitation, type Member, invitationKind, memberKind } from "./member.ts";

/**
 * Makes the holder of an invitation the member with that id; for who accepted it before, gives the member again. Throws
 * `invitation_invalid` where somebody else has, `exists` where the person is a member by another invitation.
 */
export async function acceptInvitation(
  tenant: TenantScope,
  invitation: Entity<Invitation>,
  memberId: string,
): Promise<Entity<Member>> {
  if ((await tenant.repository.find(tenantKind, tenant.tenantId))?.state !== "active")
    throw new Problem("tenant_suspended");
  if (invitation.status !== "open") return await acceptedMember(tenant, invitation, memberId);
  try {
    return await becomeMember(tenant, invitation, memberId);
  } catch (error) {
    if (!isProblem(error, "conflict")) throw error;
    // Its mail was sent meanwhile, or another request has accepted it.
    const latest = await tenant.repository.get(invitationKind, invitation.id);
    return latest.status === "open" && latest.secretHash === invitation.secretHash
      ? await becomeMember(tenant, latest, memberId)
      : await acceptedMember(tenant, latest, memberId);
  }
}

async function becomeMember(
  tenant: TenantScope,
  invitation: Entity<Invitation>,
  memberId: string,
): Promise<Entity<Member>> {
  const { email, role, secretHash, expiresAt, mailedAt } = invitation;
  const accepted: Invitation = {
    email,
    role,
    status: "accepted",
    secretHash,
    expiresAt,
    ...(mailedAt !== undefined && { mailedAt }),
    acceptedBy: memberId,
  };
  const member: Member = { email, role, status: "active" };
  const change = tenant
    .change()
    .replace(invitationKind, invitation, accepted, invitation.etag, { stale: "conflict" })
    .create(memberKind, memberId, member, { exists: "exists" });
  if (role === "owner") change.count(counters.owners, 1);
  const committed = await change.commit({ target: memberId });
  const { at } = committed;
  return { ...member, id: memberId, createdAt: at, updatedAt: at, etag: committed.etag(memberId) };
}

async function acceptedMember(
  tenant: TenantScope,
  { acceptedBy }: Invitation,
  memberId: string,
): Promise<Entity<Member>> {
  const member = acceptedBy === memberId ? await tenant.repository.find(memberKind, memberId) : undefined;
  if (member === undefined) throw new Problem("invitation_invalid");
  return member;
}
