import { now } from "../clock.ts";
import { defineKind } from "../tenancy/kind.ts";

/**
 * The permissions that a service key can have, a closed list: no key decides on a survey, or does what is for owners,
 * guests or operators.
 */
export const scopes = [
  "members:manage",
  "keys:manage",
  "webhooks:manage",
  "templates:read",
  "templates:manage",
  "surveys:create",
  "surveys:read",
  "surveys:send",
  "videos:read",
  "videos:play",
  "events:read",
  "audit:read",
] as const;
export type Scope = (typeof scopes)[number];

export function isScope(permission: string): permission is Scope {
  return scopes.some((scope) => scope === permission);
}

/** Keys that a tenant can have, those included that have ended and are still shown. */
export const maxKeys = 50;

/** A credential of another system of the tenant's. */
export interface ApiKey {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly expiresAt: string;
  /** The member or the key that made it. */
  readonly createdBy: string;
  readonly status: "active" | "revoked";
  /** SHA-256 of the credential's secret, hex. */
  readonly secretHash: string;
  /** UTC day on which it was last used, `YYYY-MM-DD`; absent before. Written once a day. */
  readonly lastUsedOn?: string;
}

export const apiKeyKind = defineKind<ApiKey>("apiKey", {
  schemaVersion: 1,
  fields: {
    name: "personal",
    scopes,
    expiresAt: "deadline",
    createdBy: "id",
    status: ["active", "revoked"],
    secretHash: "secret",
    lastUsedOn: "time",
  },
  lists: [{ where: [], orderBy: "createdAt", direction: "ascending" }],
});

export const keyStatuses = ["active", "expired", "revoked"] as const;

export function statusOf({ status, expiresAt }: ApiKey): (typeof keyStatuses)[number] {
  if (status === "revoked") return "revoked";
  return expiresAt <= now().toISOString() ? "expired" : "active";
}
