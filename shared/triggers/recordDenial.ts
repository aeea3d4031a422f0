import { RateLimiterMemory } from "rate-limiter-flexible";
import { lazy } from "../lazy.ts";
import { recordOnce } from "../log/recordOnce.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import type { Problem } from "../web/problem.ts";
import { type Contract, targetOf } from "./contract.ts";
import { type Log, errorFields } from "./logLine.ts";

/** Things that one caller's refusals name in a minute, on this instance: whoever tries every id must not fill the log. */
const perMinute = 60;
const entries = lazy(() => new RateLimiterMemory({ points: perMinute, duration: 60 }));
/** Refusals that are in the log already: repeating one must not use up the entries of those that follow. */
const recorded = lazy(() => new RateLimiterMemory({ points: 1, duration: 60 }));

/**
 * Puts the refusal of a known caller into the tenant's log: what they may not do, and what is not there for them. Foreign
 * and missing things cost the same. What exceeds the caller's entries is one entry for each function, which names the
 * tenant instead of the things that were tried. Never throws: a refusal stays one where it cannot be recorded.
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
  const refusalOf = (of: string) => `${caller}/${action}/${of}/${problem.code}`;
  if (!(await isNew(refusalOf(target)))) return;
  // What may not be done is a closed list; ids to try are not, and must not use up its entries.
  const { consumedPoints } = await entries().penalty(`${caller}/${problem.status}`);
  const shown = consumedPoints <= perMinute ? target : tenantId;
  if (shown !== target && !(await isNew(refusalOf(shown)))) return;
  try {
    await recordOnce(scope, { target: shown, denied: problem.code });
  } catch (error) {
    await recorded().delete(refusalOf(shown));
    log("error", { event: "denial_not_recorded", tenantId, requestId, ...errorFields(error) });
  }
}

async function isNew(refusal: string): Promise<boolean> {
  const { consumedPoints } = await recorded().penalty(refusal);
  return consumedPoints === 1;
}
