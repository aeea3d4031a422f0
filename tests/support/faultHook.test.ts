import { expect, test } from "vitest";
import { faultSite, run, strikesOf } from "./faultHook.ts";

const call = (site: string, work: () => Promise<unknown> = () => Promise.resolve()) => faultSite(site, work);

const work = () =>
  run(async () => {
    await call("outer", async () => {
      await call("first");
      await call("second");
    });
    await call("first");
  });

const told = ({ site, time, mode }: ReturnType<typeof strikesOf>[number]) => `${mode} ${site} ${time}`;
const deaths = (strikes: readonly string[]) => strikes.filter((strike) => /^(?:before|after) /u.test(strike));

test("a run dies in every way that differs, and loses and is overtaken at every call", async () => {
  const strikes = strikesOf((await work()).moments, () => true).map(told);
  expect(deaths(strikes)).toEqual([
    "before outer 1",
    "before first 1",
    "after first 1",
    "after second 1",
    "after first 2",
  ]);
  for (const mode of ["lost", "overtaken"])
    expect(strikes.filter((strike) => strike.startsWith(mode))).toEqual(
      ["outer 1", "first 1", "second 1", "first 2"].map((place) => `${mode} ${place}`),
    );
});

test("a death that calls share is told of the first of them that is wanted", async () => {
  const { moments } = await work();
  const second = strikesOf(moments, ({ site }) => site === "second").map(told);
  expect(deaths(second)).toEqual(["before second 1", "after second 1"]);
  const last = strikesOf(moments, ({ hit }) => hit === 3).map(told);
  expect(deaths(last)).toEqual(["before first 2", "after first 2"]);
});

test("a call that fails is no reason to leave out the death before the next", async () => {
  const { moments } = await run(async () => {
    await call("fails", () => Promise.reject(new Error("no"))).catch(() => undefined);
    await call("next");
  });
  expect(deaths(strikesOf(moments, () => true).map(told))).toEqual(["before fails 1", "before next 1", "after next 1"]);
});
