import { now } from "../clock.ts";
import { defineKind } from "../tenancy/kind.ts";

const dayMs = 86_400_000;
/** From the tenant's grant to its end, at most. */
export const maxGrantMs = dayMs;
/** From the operator's request to the wanted end, at most: it is answered within that time, or never. */
export const maxRequestMs = 7 * dayMs;

/** What an operator asks for: to see one survey of a tenant, until a time. */
export interface AccessWish {
  readonly surveyId: string;
  /** The operator's own words to the tenant's owners. */
  readonly reason: string;
  readonly until: string;
  readonly operatorId: string;
}

/** The operator's side of it, kept by the platform. Its id is that of the tenant's {@link AccessGrant}. */
export interface AccessRequest extends AccessWish {
  readonly subjectTenantId: string;
  readonly operationId: string;
}

/** The tenant's side of it, which alone decides: nobody reads it but the tenant and who claims to have been granted it. */
export interface AccessGrant extends AccessWish {
  readonly state: "requested" | "granted" | "refused" | "revoked";
  /** The owner who granted it. */
  readonly grantedBy?: string;
  /** Its end, once it is granted. */
  readonly grantedUntil?: string;
}

/** The log tells for ever what became of them; the documents leave after their last change. */
const ttlSeconds = (90 * dayMs) / 1000;

const wishFields = { surveyId: "id", reason: "freeText", until: "deadline", operatorId: "id" } as const;

export const accessRequestKind = defineKind<AccessRequest>("accessRequest", {
  schemaVersion: 1,
  fields: { ...wishFields, subjectTenantId: "id", operationId: "id" },
  ttlSeconds,
});

export const accessGrantKind = defineKind<AccessGrant>("accessGrant", {
  schemaVersion: 1,
  fields: {
    ...wishFields,
    state: ["requested", "granted", "refused", "revoked"],
    grantedBy: "id",
    grantedUntil: "deadline",
  },
  ttlSeconds,
  lists: [{ where: [], orderBy: "createdAt", direction: "descending" }],
});

export const accessStates = ["requested", "granted", "refused", "revoked", "expired"] as const;

/** The state as it is now: what ends by time is not written anywhere. */
export function accessState({ state, until, grantedUntil }: AccessGrant): (typeof accessStates)[number] {
  const ends = { requested: until, granted: grantedUntil, refused: undefined, revoked: undefined };
  const end = ends[state];
  return end !== undefined && end <= now().toISOString() ? "expired" : state;
}
