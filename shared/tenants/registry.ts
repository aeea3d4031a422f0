import { defineKind } from "../tenancy/kind.ts";
import { type Tenant, plans, tenantStates } from "./tenant.ts";

/** The platform's copy of what a tenant's own document says. Its id is the tenant's. */
export interface RegisteredTenant extends Pick<Tenant, "name" | "plan" | "state" | "account"> {
  /** What the tenant is set up from; gone once it is. */
  readonly setup?: { readonly ownerEmail: string; readonly operationId: string };
}

export const registeredTenantKind = defineKind<RegisteredTenant>("registeredTenant", {
  schemaVersion: 1,
  fields: {
    name: "personal",
    plan: plans,
    state: tenantStates,
    account: "handle",
    setup: { ownerEmail: "email", operationId: "id" },
  },
  lists: [
    { where: [], orderBy: "createdAt", direction: "ascending" },
    { where: ["state"], orderBy: "createdAt", direction: "ascending" },
  ],
});
