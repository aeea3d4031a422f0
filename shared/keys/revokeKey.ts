import type { Entity } from "../tenancy/kind.ts";
import { againOnConflict } from "../tenancy/againOnConflict.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { Problem } from "../web/problem.ts";
import { type ApiKey, apiKeyKind } from "./apiKey.ts";
import { listKeys } from "./listKeys.ts";

/**
 * Ends a key, and with it all that it has made and that those have made, in one change; a revoked one stays so. Throws
 * `not_found` where the tenant has no such key.
 */
export async function revokeKey(tenant: TenantScope, keyId: string): Promise<void> {
  // One of them made another key, was used for the first time today, or was revoked by somebody else.
  await againOnConflict(() => revoke(tenant, keyId));
}

async function revoke(tenant: TenantScope, keyId: string): Promise<void> {
  const keys = await listKeys(tenant);
  const key = keys.find(({ id }) => id === keyId);
  if (key === undefined) throw new Problem("not_found");
  const working = [key, ...madeBy(keyId, keys)].filter(({ status }) => status === "active");
  if (working.length === 0) return;
  const change = tenant.change();
  for (const each of working)
    change.patch(
      apiKeyKind,
      each,
      { status: "revoked" },
      { ifMatch: each.etag, otherwise: { stale: "conflict", missing: "conflict" } },
    );
  await change.commit({ target: keyId });
}

/** The keys that a key has made, and those that they have made. */
function madeBy(keyId: string, keys: readonly Entity<ApiKey>[]): readonly Entity<ApiKey>[] {
  return keys.filter(({ createdBy }) => createdBy === keyId).flatMap((key) => [key, ...madeBy(key.id, keys)]);
}
