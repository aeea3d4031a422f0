import { defineKind } from "../tenancy/kind.ts";

export const tenantStates = [
  "provisioning",
  "provisioning_failed",
  "active",
  "suspended",
  "offboarding",
  "offboarding_failed",
  "deleted",
] as const;
export type TenantState = (typeof tenantStates)[number];

export const plans = ["trial", "standard", "enterprise"] as const;
export type Plan = (typeof plans)[number];

/** What a tenant may use at most, at one time. */
export interface Quotas {
  readonly surveys: number;
  /** Bytes of videos, reserved ones included. */
  readonly videoBytes: number;
  readonly members: number;
}

export const quotasOf: Readonly<Record<Plan, Quotas>> = {
  trial: { surveys: 50, videoBytes: 50 * 2 ** 30, members: 10 },
  standard: { surveys: 10_000, videoBytes: 5 * 2 ** 40, members: 200 },
  enterprise: { surveys: 1_000_000, videoBytes: 100 * 2 ** 40, members: 5_000 },
};

/**
 * The tenant's counters, bounded by the quota or the limit of the same name. `members` counts seats: people and the
 * invitations that may still become one. `owners` counts people only and never falls below one. `keys` starts with the
 * first key. Tenants that were made before webhooks and templates were counted have no counter of theirs until the next
 * one is made: see `counting`.
 */
export const counters = {
  surveys: "surveys",
  videoBytes: "videoBytes",
  members: "members",
  owners: "owners",
  keys: "keys",
  webhooks: "webhooks",
  templates: "templates",
  templateVersions: "templateVersions",
} as const;

/** What any tenant can have, whatever its plan: together, these documents stay far below what one partition holds. */
export const limits = { webhooks: 50, templates: 500, templateVersions: 5_000 } as const;

/** Fluent's brand blue, until the tenant has its own color. */
export const defaultColor = "#0f6cbd";

/** A company that uses Callpilot. Its id is the tenant id itself; the platform's registry holds a copy. */
export interface Tenant {
  readonly name: string;
  readonly plan: Plan;
  readonly state: TenantState;
  /** Storage account of the tenant's videos, by its name in the settings. */
  readonly account: string;
  readonly quotas: Quotas;
  /** What a guest agrees to before the first answer; a change makes a new version. */
  readonly consentText: { readonly version: number; readonly text: string };
  readonly branding: { readonly displayName: string; readonly color: string };
}

export const tenantKind = defineKind<Tenant>("tenant", {
  schemaVersion: 1,
  fields: {
    name: "personal",
    plan: plans,
    state: tenantStates,
    account: "handle",
    quotas: { surveys: "technical", videoBytes: "technical", members: "technical" },
    consentText: { version: "technical", text: "freeText" },
    branding: { displayName: "personal", color: "personal" },
  },
});
