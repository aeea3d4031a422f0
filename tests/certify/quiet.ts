import { setTimeout as delay } from "node:timers/promises";
import { until } from "../../local/client.ts";
import { settled, state } from "../support/contracts.ts";
import type { Side } from "../contracts/side.ts";

/** Longer than it takes until a mail is sent or a video processed that a request has set going. */
const quietMs = 1_000;

/** All that the tenants have, as texts that are the same where nothing has changed. */
export async function states(sides: readonly Side[]): Promise<readonly string[]> {
  const all = await Promise.all(sides.map(({ id }) => state(id)));
  return all.map((documents) => JSON.stringify(documents));
}

/** {@link states}, once what their last requests have set going is done. */
export async function quiet(sides: readonly Side[]): Promise<readonly string[]> {
  let before = await states(sides);
  return await until("the tenants to come to rest", 60, async () => {
    await Promise.all(sides.map(({ id }) => settled(id)));
    await delay(quietMs);
    const after = await states(sides);
    const same = after.join() === before.join();
    before = after;
    return same ? after : undefined;
  });
}
