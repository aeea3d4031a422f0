import { ErrorResponse } from "@azure/cosmos";
import { Problem } from "../web/problem.ts";
import { TenancyViolation } from "./boundary.ts";
import { within } from "./guard.ts";

/**
 * What a failed database request means. `refused`: the database, or the guard before it, said no and will say so again.
 * `throttled`: it was not carried out, after all of the SDK's own repeats. `lost`: nobody can say whether it was.
 */
export type Failure = "refused" | "throttled" | "lost";

/** Statuses under 500 with which the database gives up a request that it may have carried out, or would on a repeat. */
const passing = new Set([408, 410, 449]);

export function failureOf(error: unknown): Failure {
  // The SDK wraps whatever a batch fails with.
  const cause = error instanceof Error && !isAnswer(error) ? (error.cause ?? error) : error;
  if (!isAnswer(cause)) return "lost";
  if (cause instanceof TenancyViolation) return "refused";
  const status = Number(cause.code);
  if (status === 429) return "throttled";
  return status >= 400 && status < 500 && !passing.has(status) ? "refused" : "lost";
}

function isAnswer(error: unknown): error is ErrorResponse | TenancyViolation {
  return error instanceof ErrorResponse || error instanceof TenancyViolation;
}

/** The SDK repeats a read ten times whose connection breaks, a second apart, and each page for itself: nobody waits so long. */
const readTimeoutMs = 20_000;

/** Runs one read within a partition. Throws the problem `unavailable` where the database gives no answer. */
export async function reading<T>(
  partition: readonly [tenantId: string, ...levels: string[]],
  call: (options: { readonly abortSignal: AbortSignal }) => Promise<T>,
): Promise<T> {
  try {
    return await within(partition, () => call({ abortSignal: AbortSignal.timeout(readTimeoutMs) }));
  } catch (error) {
    if (failureOf(error) === "refused") throw error;
    throw new Problem("unavailable", { retryAfter: 2, cause: error });
  }
}
