import type { TenantScope } from "../tenancy/scope.ts";
import { Problem } from "../web/problem.ts";
import { accessGrantKind, accessState } from "./accessGrant.ts";

/**
 * Refuses what was asked for, or ends what was granted: at once, since each request of a session reads the grant. Throws
 * `not_found`, `stale`, and `invalid_transition` where it has ended already.
 */
export async function revokeAccess(tenant: TenantScope, grantId: string, ifMatch: string): Promise<void> {
  const grant = await tenant.repository.get(accessGrantKind, grantId);
  if (grant.etag !== ifMatch) throw new Problem("stale");
  const from = accessState(grant);
  if (from !== "requested" && from !== "granted")
    throw new Problem("invalid_transition", { more: { from, allowed: [] } });
  const state = from === "requested" ? "refused" : "revoked";
  await tenant.change().patch(accessGrantKind, grant, { state }, { ifMatch }).commit({ target: grantId });
}
