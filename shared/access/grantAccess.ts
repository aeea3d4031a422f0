import { now } from "../clock.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { futureUtc } from "../utc.ts";
import { Problem, invalidField } from "../web/problem.ts";
import { type AccessGrant, accessGrantKind, accessState, maxGrantMs } from "./accessGrant.ts";
import type { NewAccessGrant } from "./accessView.ts";

/**
 * Grants what an operator has asked for, for at most 24 hours. Throws `invalid_request` where nothing was asked under that
 * id, `expired` where its time is over, `invalid_transition` where it was answered already.
 */
export async function grantAccess(
  tenant: TenantScope,
  { requestId, until }: NewAccessGrant,
): Promise<Entity<AccessGrant>> {
  const grant = await tenant.repository.find(accessGrantKind, requestId);
  if (grant === undefined) throw invalidField("/requestId", "unknown", "names nothing to use here");
  const state = accessState(grant);
  if (state === "expired") throw new Problem("expired");
  if (state !== "requested") throw new Problem("invalid_transition", { more: { from: state, allowed: [] } });
  const set = { state: "granted", grantedBy: tenant.actor.id, grantedUntil: endOf(grant, until) } as const;
  const committed = await tenant
    .change()
    .patch(accessGrantKind, grant, set, { ifMatch: grant.etag, otherwise: { stale: "conflict" } })
    .remember({ id: requestId })
    .commit({ target: requestId });
  return { ...grant, ...set, updatedAt: committed.at, etag: committed.etag(requestId) };
}

function endOf({ until }: AccessGrant, given: string | undefined): string {
  if (given !== undefined) return futureUtc(given, "/until", { ms: maxGrantMs, words: "24 hours" });
  const latest = new Date(now().getTime() + maxGrantMs).toISOString();
  return until < latest ? until : latest;
}
