import { setTimeout as delay } from "node:timers/promises";
import type { Instance, Instances } from "./instances.ts";
import { type Remains, messagesOf, statesOf, violationsIn } from "./verdict.ts";

const sessionsEndMs = 6 * 24 * 3_600_000 + 60_000;
const forgottenMs = 11 * 60_000;
/** What is under way ends, however slow the machine: this is hardly ever waited for in vain. */
const restMs = 60_000;

/**
 * Lets everything come to rest: what is under way ends, then sessions are over and what was forgotten is found. Stops the
 * instances, and says what is not as it must be.
 */
export async function settle(instances: Instances, remains: Remains, patienceMs: number): Promise<readonly string[]> {
  await shrunk(restMs, async () => {
    const { uploaded = 0, processing = 0 } = await statesOf(remains);
    const waiting = Object.values(await messagesOf(remains));
    return waiting.reduce((sum, count) => sum + count, uploaded + processing);
  });
  let violations: readonly string[] = [];
  for (const aheadMs of [sessionsEndMs, forgottenMs, forgottenMs, forgottenMs]) {
    instances.setAhead(aheadMs);
    const [instance] = instances.living;
    if (instance !== undefined) await sweep(instance);
    await shrunk(patienceMs, async () => (violations = await violationsIn(remains)).length);
    if (violations.length === 0) break;
  }
  await instances.stop();
  const left = await instances.toolsLeft();
  const noise = instances.noise === "" ? [] : [`past its log the app wrote: ${instances.noise}`];
  return [...violations, ...left.map((command) => `a tool is left: ${command}`), ...noise];
}

/** Has the instance look for what fell through. */
export async function sweep({ url }: Pick<Instance, "url">): Promise<void> {
  const request = { method: "POST", headers: { "content-type": "application/json" }, body: '{"input":""}' };
  const { status } = await fetch(`${url}/admin/functions/sweepVideos`, request);
  if (status !== 202) throw new Error(`the sweep was not started: ${status}`);
}

/** Waits until the number is 0, or has stayed as it is for so long. */
async function shrunk(patienceMs: number, count: () => Promise<number>): Promise<void> {
  let [least, since] = [Infinity, performance.now()];
  for (;;) {
    const left = await count();
    if (left === 0) return;
    if (left < least) [least, since] = [left, performance.now()];
    else if (performance.now() - since > patienceMs) return;
    await delay(500);
  }
}
