import { beforeAll, describe, expect, it } from "vitest";
import { setClockForTests } from "../clock.ts";
import { insideBoundaryForTests, openScopeForTests, databaseOfFileForTests } from "./databaseForTests.ts";
import type { ChangeContext, TenantScope } from "./scope.ts";

insideBoundaryForTests();

const database = databaseOfFileForTests();

async function append(tenant: TenantScope): Promise<void> {
  for (let ordered = await tenant.log.order(); ordered !== undefined; ordered = await tenant.log.order()) {
    await tenant.log.write(ordered.entries);
    await tenant.log.finish(ordered);
  }
}

/** Two entries at noon of the first two days of each of five months: seq 1 and 2 in the first, 9 and 10 in the last. */
const months = ["2026-01", "2026-02", "2026-04", "2026-05", "2026-06"];
async function filled(): Promise<TenantScope> {
  const tenant = openScopeForTests();
  const as = (actor: ChangeContext["actor"]) => openScopeForTests(tenant.tenantId, { actor });
  for (const [at, month] of months.entries()) {
    for (const day of [1, 2]) {
      setClockForTests(() => new Date(`${month}-0${day}T12:00:00.000Z`));
      const actor = { type: "member", id: day === 1 ? "mbr_1" : "mbr_2" } as const;
      await as(actor)
        .change()
        .commit({ target: at % 2 === 0 ? "svy_even" : "svy_odd" });
      await append(tenant);
    }
  }
  return tenant;
}

let tenant: TenantScope;
beforeAll(async () => {
  tenant = await filled();
});

const numbers = ({ entries }: { readonly entries: readonly { readonly seq: number }[] }) =>
  entries.map(({ seq }) => seq);

/** The months that were asked, in their order. */
async function monthsAsked(work: () => Promise<unknown>): Promise<string[]> {
  const { latest } = database.cosmos.requests;
  await work();
  const records = database.cosmos.requests.records({ since: latest, container: "callpilot/log" });
  const queries = records.filter(({ operation }) => operation === "document.query");
  return queries.map(({ partitionKey = "[]" }) => String((JSON.parse(partitionKey) as string[])[1]));
}

describe("reading on", () => {
  it.each([
    [0, 1, [1], 1, true],
    [0, 3, [1, 2, 3], 3, true],
    [0, 6, [1, 2, 3, 4, 5, 6], 6, true],
    [0, 100, [1, 2, 3, 4, 5, 6], 6, true],
    [1, 100, [2, 3, 4, 5, 6], 6, true],
    [2, 100, [3, 4, 5, 6, 7, 8], 8, true],
    [6, 4, [7, 8, 9, 10], 10, false],
    [6, 3, [7, 8, 9], 9, true],
    [9, 5, [10], 10, false],
    [10, 5, [], 10, false],
    [99, 5, [], 99, false],
  ])("behind %i, at most %i", async (after, limit, expected, last, more) => {
    const page = await tenant.log.read(after, limit);
    expect([numbers(page), page.last, page.more]).toEqual([expected, last, more]);
  });

  it("asks the months it needs and no others", async () => {
    expect(await monthsAsked(() => tenant.log.read(0, 2))).toEqual(months.slice(0, 1));
    expect(await monthsAsked(() => tenant.log.read(0, 3))).toEqual(months.slice(0, 2));
    expect(await monthsAsked(() => tenant.log.read(0, 100))).toEqual(months.slice(0, 3));
    expect(await monthsAsked(() => tenant.log.read(2, 1))).toEqual(months.slice(1, 2));
    expect(await monthsAsked(() => tenant.log.read(9, 1))).toEqual(months.slice(4));
  });

  it("gives nothing of a log that has not begun", async () => {
    const empty = openScopeForTests();
    expect(await empty.log.read(5, 10)).toEqual({ entries: [], last: 5, more: false });
    expect(await monthsAsked(() => empty.log.read(0, 10))).toEqual([]);
  });

  it("gives an entry as it was written, with nothing of the database's", async () => {
    const [first] = (await tenant.log.read(0, 1)).entries;
    expect(Object.keys(first ?? {}).sort()).toEqual(
      "action actor data hash id month occurredAt prevHash requestId seq target".split(" "),
    );
    expect(await tenant.log.find("2026-01", 1)).toEqual(first);
    expect(await tenant.log.find("2026-02", 1)).toBeUndefined();
  });
});

describe("searching", () => {
  const all = Number.MAX_SAFE_INTEGER;

  it.each([
    ["everything", {}, all, 100, [10, 9, 8, 7, 6, 5], 5],
    ["what is older", {}, 5, 100, [4, 3, 2, 1], undefined],
    ["only so many", {}, all, 3, [10, 9, 8], 8],
    ["as many as a month has", {}, all, 2, [10, 9], 9],
    ["nothing before the first", {}, 1, 10, [], undefined],
    ["somebody's", { actor: "mbr_2" }, all, 100, [10, 8, 6], 5],
    ["what was done to something", { target: "svy_odd" }, all, 100, [8, 7], 5],
    ["somebody's acts on something", { actor: "mbr_1", target: "svy_even" }, all, 100, [9, 5], 5],
    ["since a time, inclusive", { from: "2026-05-02T12:00:00.000Z" }, all, 100, [10, 9, 8], undefined],
    ["since within the last three months", { from: "2026-04-01T12:00:00.001Z" }, all, 100, [10, 9, 8, 7, 6], undefined],
    ["since more than three months ago", { from: "2026-02-02T00:00:00.000Z" }, all, 100, [10, 9, 8, 7, 6, 5], 5],
    ["until a time, exclusive", { to: "2026-05-02T12:00:00.000Z" }, all, 100, [7, 6, 5], 5],
    ["between two", { from: "2026-04-02T00:00:00.000Z", to: "2026-05-02T00:00:00.000Z" }, all, 100, [7, 6], undefined],
    ["nobody's", { actor: "mbr_3" }, all, 100, [], 5],
  ] as const)("%s", async (_name, filter, before, limit, expected, next) => {
    const page = await tenant.log.search(filter, before, limit);
    expect([numbers(page), page.next]).toEqual([expected, next]);
    expect("next" in page).toBe(next !== undefined);
  });

  it("comes to everything by going on", async () => {
    const seen: number[] = [];
    let before: number | undefined = all;
    while (before !== undefined) {
      const page: Awaited<ReturnType<typeof tenant.log.search>> = await tenant.log.search({}, before, 4);
      seen.push(...numbers(page));
      before = page.next;
    }
    expect(seen).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
  });

  it("asks the months it needs and no others", async () => {
    expect(await monthsAsked(() => tenant.log.search({}, all, 2))).toEqual(["2026-06"]);
    expect(await monthsAsked(() => tenant.log.search({}, all, 3))).toEqual(["2026-06", "2026-05"]);
    expect(await monthsAsked(() => tenant.log.search({}, all, 100))).toEqual(["2026-06", "2026-05", "2026-04"]);
    expect(await monthsAsked(() => tenant.log.search({}, 3, 100))).toEqual(["2026-01"]);
    expect(await monthsAsked(() => tenant.log.search({ from: "2026-06-01T01:00:00.000Z" }, all, 9))).toEqual([
      "2026-06",
    ]);
  });

  it("finds what happened as the month began, by a clock ahead of the one that put it into the month before", async () => {
    const own = openScopeForTests();
    setClockForTests(() => new Date("2026-07-01T00:00:02.000Z"));
    await own.change().commit({ target: "one" });
    setClockForTests(() => new Date("2026-06-30T23:59:59.000Z"));
    await append(own);
    expect(numbers(await own.log.search({ from: "2026-07-01T00:00:00.000Z" }, all, 9))).toEqual([1]);
    expect(numbers(await own.log.search({ from: "0000-01-01T00:00:00.000Z" }, all, 9))).toEqual([1]);
  });

  it("leaves out what has its place and may not be written yet, until it is", async () => {
    const own = openScopeForTests();
    await own.change().commit({ target: "one" });
    await append(own);
    await own.change().commit({ target: "two" });
    const ordered = await own.log.order();
    expect(numbers(await own.log.search({}, all, 10))).toEqual([1]);
    if (ordered === undefined) throw new Error("there is nothing to order");
    await own.log.write(ordered.entries);
    expect(numbers(await own.log.search({}, all, 10))).toEqual([1]);
    await own.log.finish(ordered);
    expect(numbers(await own.log.search({}, all, 10))).toEqual([2, 1]);
  });

  it("finds nothing in a log that has not begun, or in another tenant's", async () => {
    expect(await openScopeForTests().log.search({}, all, 10)).toEqual({ entries: [] });
  });
});
