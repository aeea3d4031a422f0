import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import type { Authenticated } from "../auth/authenticate.ts";
import { config } from "../config.ts";
import { lazy } from "../lazy.ts";
import { Problem } from "../web/problem.ts";

const windowSeconds = 60;
/** An address may stand for a whole company, or for somebody who guesses credentials. */
const addressFactor = 4;

type Policy = "address" | "caller" | "guest" | "tenant";

/** Whose requests are counted, each on this instance only: what all instances share would cost a request of its own. */
const limiters = lazy((): Readonly<Record<Policy, RateLimiterMemory>> => {
  const { caller, guest, tenant } = config().rateLimits;
  const limiter = (points: number) => new RateLimiterMemory({ points, duration: windowSeconds });
  return {
    address: limiter(caller * addressFactor),
    caller: limiter(caller),
    guest: limiter(guest),
    tenant: limiter(tenant),
  };
});

/** A policy after a request was counted. */
interface Count {
  readonly policy: Policy;
  readonly left: number;
  /** Seconds until all of it is there again. */
  readonly seconds: number;
  readonly exceeded: boolean;
}

/** Counts a request of an address, before anything else is known of it. Throws `rate_limited`. */
export async function limitAddress(address: string): Promise<void> {
  const refusal = refusalOf([await count("address", address)]);
  if (refusal !== undefined) throw refusal;
}

/**
 * Counts a request of a credential's holder and, unless that one is refused, of the tenant as a whole, so that one tenant
 * cannot take the app from the others. Gives the RateLimit headers, and the problem `rate_limited` where there is one.
 */
export async function countRequest(
  { caller, holder, tenantId }: Authenticated,
  address: string,
): Promise<{ readonly headers: Record<string, string>; readonly refusal: Problem | undefined }> {
  const isGuest = caller.type === "guest";
  const own = await count(isGuest ? "guest" : "caller", caller.type === "public" ? address : holder);
  const shared = own.exceeded || tenantId === undefined ? [] : [await count("tenant", tenantId)];
  // How busy a company is, is not its guests' business.
  return { headers: headersOf(isGuest ? [own] : [own, ...shared]), refusal: refusalOf([own, ...shared]) };
}

async function count(policy: Policy, key: string): Promise<Count> {
  const { remainingPoints, msBeforeNext, exceeded } = await consume(limiters()[policy], key);
  return { policy, left: remainingPoints, seconds: Math.max(1, Math.ceil(msBeforeNext / 1000)), exceeded };
}

async function consume(
  limiter: RateLimiterMemory,
  key: string,
): Promise<Pick<RateLimiterRes, "remainingPoints" | "msBeforeNext"> & { readonly exceeded: boolean }> {
  try {
    const { remainingPoints, msBeforeNext } = await limiter.consume(key);
    return { remainingPoints, msBeforeNext, exceeded: false };
  } catch (refused) {
    if (!(refused instanceof RateLimiterRes)) throw refused;
    return { remainingPoints: 0, msBeforeNext: refused.msBeforeNext, exceeded: true };
  }
}

/** draft-ietf-httpapi-ratelimit-headers-10: one member per policy, `q` in `w` seconds, `r` left for `t` seconds. */
function headersOf(counts: readonly Count[]): Record<string, string> {
  return {
    "ratelimit-policy": counts
      .map(({ policy }) => `"${policy}";q=${limiters()[policy].points};w=${windowSeconds}`)
      .join(", "),
    ratelimit: counts.map(({ policy, left, seconds }) => `"${policy}";r=${left};t=${seconds}`).join(", "),
  };
}

function refusalOf(counts: readonly Count[]): Problem | undefined {
  const violated = counts.find(({ exceeded }) => exceeded);
  if (violated === undefined) return undefined;
  return new Problem("rate_limited", {
    retryAfter: violated.seconds,
    more: { "violated-policies": [violated.policy] },
  });
}
