import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { config } from "../config.ts";
import { lazy } from "../lazy.ts";
import { Problem } from "../web/problem.ts";

const windowSeconds = 60;
/** An address may stand for a whole company, or for somebody who guesses credentials. */
const addressFactor = 4;

const perCaller = lazy(() => new RateLimiterMemory({ points: config().rateLimitPerMinute, duration: windowSeconds }));
const perAddress = lazy(
  () => new RateLimiterMemory({ points: config().rateLimitPerMinute * addressFactor, duration: windowSeconds }),
);

/** Counts a request of an address, before anything else is known of it. Throws `rate_limited`. */
export async function limitAddress(address: string): Promise<void> {
  await consume(perAddress(), address);
}

/** Counts a request of a credential's holder on this instance. Gives the RateLimit headers; throws `rate_limited`. */
export async function limitCaller(holder: string): Promise<Record<string, string>> {
  const limiter = perCaller();
  const { remainingPoints, msBeforeNext } = await consume(limiter, holder);
  return {
    "ratelimit-policy": `"caller";q=${limiter.points};w=${windowSeconds}`,
    ratelimit: `"caller";r=${remainingPoints};t=${Math.ceil(msBeforeNext / 1000)}`,
  };
}

async function consume(limiter: RateLimiterMemory, key: string): Promise<RateLimiterRes> {
  try {
    return await limiter.consume(key);
  } catch (refused) {
    if (!(refused instanceof RateLimiterRes)) throw refused;
    throw new Problem("rate_limited", { retryAfter: Math.max(1, Math.ceil(refused.msBeforeNext / 1000)) });
  }
}
