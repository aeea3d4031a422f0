import { derivedId } from "../tenancy/ids.ts";
import { defineKind } from "../tenancy/kind.ts";

export const memberRoles = ["owner", "admin", "surveyor", "auditor"] as const;
export type MemberRole = (typeof memberRoles)[number];

/** A person of a tenant. Authoritative for role and status: a token's claim alone opens nothing. */
export interface Member {
  readonly email: string;
  readonly role: MemberRole;
  readonly status: "active" | "disabled";
}

export const memberKind = defineKind<Member>("member", {
  schemaVersion: 1,
  fields: { email: "email", role: memberRoles, status: ["active", "disabled"] },
  lists: [
    { where: [], orderBy: "createdAt", direction: "ascending" },
    { where: ["role"], orderBy: "createdAt", direction: "ascending" },
  ],
});

/** A member's id follows from who signs in, so that one point read finds it from a token. */
export function memberId(issuer: string, subject: string): string {
  return derivedId("mbr", issuer, subject);
}

/** A member to be: its e-mail is reserved, its token was mailed once. */
export interface Invitation {
  readonly email: string;
  readonly role: MemberRole;
  readonly status: "open" | "accepted" | "revoked";
  /** SHA-256 of the token's secret, hex. */
  readonly secretHash: string;
  /** The whole token, protected with {@link invitationTokenUse}, for the mail; gone once it is accepted. */
  readonly protectedToken?: string;
  readonly expiresAt: string;
  /** When the mail service took the mail; absent before. */
  readonly mailedAt?: string;
  /** The member that it became. */
  readonly acceptedBy?: string;
}

/** What an invitation's token is protected for. */
export const invitationTokenUse = "invitation-token";

export const invitationKind = defineKind<Invitation>("invitation", {
  schemaVersion: 1,
  fields: {
    email: "email",
    role: memberRoles,
    status: ["open", "accepted", "revoked"],
    secretHash: "secret",
    protectedToken: "secret",
    expiresAt: "time",
    mailedAt: "time",
    acceptedBy: "id",
  },
});
