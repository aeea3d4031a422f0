import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { type ApiKey, apiKeyKind, maxKeys } from "./apiKey.ts";

/** All of the tenant's keys, the oldest first. One query. */
export async function listKeys(tenant: TenantScope): Promise<readonly Entity<ApiKey>[]> {
  return (await tenant.repository.list(apiKeyKind, { limit: maxKeys })).items;
}
