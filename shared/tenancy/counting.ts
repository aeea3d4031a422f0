import { isProblem } from "../web/problem.ts";
import { CounterMissing } from "./change.ts";
import type { TenantScope } from "./scope.ts";

/**
 * Does work whose change counts. A tenant from before that was counted gets the counter first, with what `existing` finds:
 * meanwhile nobody can add to it, because all who count wait for the counter.
 */
export async function counting<T>(
  tenant: TenantScope,
  counter: string,
  existing: () => Promise<number>,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CounterMissing)) throw error;
  }
  try {
    await tenant
      .change()
      .startCounter(counter, await existing())
      .record();
  } catch (error) {
    // Another request was first.
    if (!isProblem(error, "conflict")) throw error;
  }
  return await work();
}
