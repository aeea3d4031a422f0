import { DerivedId, Id, prefixes } from "../tenancy/ids.ts";
import { Choice, Line, Text, type Static, Time, closed, optional } from "../schema.ts";
import type { Entity } from "../tenancy/kind.ts";
import { type AccessGrant, accessState, accessStates } from "./accessGrant.ts";

const reason = Line(500, "Why, in the operator's words, for the tenant's owners");

export const NewAccessRequest = closed({
  subjectTenantId: Id(prefixes.tenant),
  surveyId: Id(prefixes.survey),
  reason,
  until: { ...Time, description: "RFC 3339; within seven days, and at most 24 hours after it is granted" },
});
export type NewAccessRequest = Static<typeof NewAccessRequest>;

export const NewAccessGrant = closed({
  requestId: Id(prefixes.accessGrant),
  until: optional({
    ...Time,
    description: "RFC 3339; within 24 hours; by default what was asked for, or 24 hours from now if that is sooner",
  }),
});
export type NewAccessGrant = Static<typeof NewAccessGrant>;

export const AccessGrantView = closed({
  id: Id(prefixes.accessGrant),
  surveyId: Id(prefixes.survey),
  reason: Text(500),
  operatorId: DerivedId("opr"),
  state: Choice(accessStates),
  until: Time,
  grantedUntil: optional(Time),
  grantedBy: optional(DerivedId("mbr")),
  createdAt: Time,
  updatedAt: Time,
});
export type AccessGrantView = Static<typeof AccessGrantView>;

export function accessGrantView(grant: Entity<AccessGrant>): AccessGrantView {
  const { id, surveyId, reason, operatorId, until, grantedUntil, grantedBy, createdAt, updatedAt } = grant;
  return {
    id,
    surveyId,
    reason,
    operatorId,
    state: accessState(grant),
    until,
    ...(grantedUntil !== undefined && { grantedUntil }),
    ...(grantedBy !== undefined && { grantedBy }),
    createdAt,
    updatedAt,
  };
}
