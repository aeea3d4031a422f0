import { expect, it } from "vitest";
import { Problem } from "../web/problem.ts";
import { againOnConflict } from "./againOnConflict.ts";

/** Work that runs into the problem so many times first, and how often it was done. */
function failing(times: number, problem: Error = new Problem("conflict")) {
  let done = 0;
  const work = () => {
    done++;
    return done > times ? Promise.resolve("done") : Promise.reject(problem);
  };
  return { work, count: () => done };
}

it("does the work once where nobody was quicker", async () => {
  const { work, count } = failing(0);
  expect(await againOnConflict(work)).toBe("done");
  expect(count()).toBe(1);
});

it("does it again where somebody was, three times more and no longer", async () => {
  const last = failing(3);
  expect(await againOnConflict(last.work)).toBe("done");
  expect(last.count()).toBe(4);
  const never = failing(4);
  await expect(againOnConflict(never.work)).rejects.toMatchObject({ code: "conflict" });
  expect(never.count()).toBe(4);
});

it.each([new Problem("stale"), new Error("conflict")])("throws at once what is no conflict: %s", async (error) => {
  const { work, count } = failing(1, error);
  await expect(againOnConflict(work)).rejects.toBe(error);
  expect(count()).toBe(1);
});
