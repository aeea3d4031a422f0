import type { Tenant } from "../tenants/tenant.ts";

/** Whoever sends recordings for one survey; a guest as `shared/auth` knows them is one. */
export interface Recorder {
  readonly surveyId: string;
  readonly tenant: Pick<Tenant, "account" | "quotas">;
}
