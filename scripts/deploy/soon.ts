import { setTimeout as delay } from "node:timers/promises";

const againMs = 2_000;

/** Looks until nothing is wrong. Throws after so many seconds, with what was wrong at last. */
export async function soonRight(
  seconds: number,
  complaint: string,
  wrong: () => Promise<readonly string[]>,
): Promise<void> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await wrong();
    if (found.length === 0) return;
    if (Date.now() + againMs > end) throw new Error(`${complaint}: ${found.join("; ")}`);
    await delay(againMs);
  }
}
