import { expect, test } from "vitest";
import { lazyResult } from "./lazy.ts";

test("what was made is kept, also for who asks while it is made; a failure is not", async () => {
  const outcomes = [new Error("not yet"), "made", "never"];
  const get = lazyResult(() => {
    const outcome = outcomes.shift();
    return outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome);
  });
  const failed = await Promise.allSettled([get(), get()]);
  expect(failed.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(await Promise.all([get(), get()])).toEqual(["made", "made"]);
  expect(await get()).toBe("made");
});
