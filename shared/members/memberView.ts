import { Choice, Email, type Static, Time, closed } from "../schema.ts";
import { DerivedId, Id, prefixes } from "../tenancy/ids.ts";
import type { Entity } from "../tenancy/kind.ts";
import { type Invitation, type Member, memberRoles } from "./member.ts";

export const MemberView = closed({
  id: DerivedId("mbr"),
  email: Email,
  role: Choice(memberRoles),
  status: Choice(["active", "disabled"]),
  createdAt: Time,
  updatedAt: Time,
});
export type MemberView = Static<typeof MemberView>;

export function memberView(member: Entity<Member>): MemberView {
  const { id, email, role, status, createdAt, updatedAt } = member;
  return { id, email, role, status, createdAt, updatedAt };
}

export const InvitationView = closed({
  id: Id(prefixes.invitation),
  email: Email,
  role: Choice(memberRoles),
  status: Choice(["open", "accepted", "revoked"]),
  expiresAt: Time,
  createdAt: Time,
  updatedAt: Time,
});
export type InvitationView = Static<typeof InvitationView>;

export function invitationView(invitation: Entity<Invitation>): InvitationView {
  const { id, email, role, status, expiresAt, createdAt, updatedAt } = invitation;
  return { id, email, role, status, expiresAt, createdAt, updatedAt };
}
