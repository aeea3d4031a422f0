import { RateLimiterMemory } from "rate-limiter-flexible";
import { lazy } from "../lazy.ts";
import { recordOnce } from "../log/recordOnce.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import type { Problem } from "../web/problem.ts";
import { type Contract, targetOf } from "./contract.ts";
import { type Log, errorFields } from "./logLine.ts";

/** Entries that one caller's refusals make in a minute, on this instance: whoever tries every id must not fill the log. */
const perMinute = 60;
const entries = lazy(() => new RateLimiterMemory({ points: perMinute, duration: 60 }));
/** Refusals that are in the log already: repeating one must not use up the entries of those that follow. */
const recorded = lazy(() => new RateLimiterMemory({ points: 1, duration: 60 }));

/**
 * Puts the refusal of a known caller into the tenant's log: what they may not do, and what is not there for them. Foreign
 * and missing things cost the same. Never throws: a refusal stays one where it cannot be recorded.
 */
export async function recordDenial(
  contract: Contract,
  params: Readonly<Record<string, string>>,
  scope: TenantScope | undefined,
  problem: Problem,
  log: Log,
): Promise<void> {
  if (scope === undefined || (problem.status !== 403 && problem.status !== 404)) return;
  const { tenantId, actor, action, requestId } = scope;
  const target = targetOf(contract, params) ?? tenantId;
  const caller = `${tenantId}/${actor.id}`;
  const refusal = `${caller}/${action}/${target}/${problem.code}`;
  const { consumedPoints: times } = await recorded().penalty(refusal);
  if (times > 1) return;
  // What may not be done is a closed list; ids to try are not, and must not use up its entries.
  const { consumedPoints } = await entries().penalty(`${caller}/${problem.status}`);
  if (consumedPoints > perMinute) return;
  try {
    await recordOnce(scope, { target, denied: problem.code });
  } catch (error) {
    await recorded().delete(refusal);
    log("error", { event: "denial_not_recorded", tenantId, requestId, ...errorFields(error) });
  }
}
