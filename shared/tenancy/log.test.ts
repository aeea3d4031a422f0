import { ulid } from "ulid";
import { expect, test } from "vitest";
import { now, setClockForTests } from "../clock.ts";
import { insideBoundaryForTests, openScopeForTests, databaseOfFileForTests } from "./databaseForTests.ts";
import { type Event, factKind } from "./fact.ts";
import { defineKind } from "./kind.ts";
import { type LogEntry, entryHash } from "./logEntry.ts";
import type { TenantScope } from "./scope.ts";

insideBoundaryForTests();

const database = databaseOfFileForTests();

const thingKind = defineKind<{ readonly n: number }>("thing", { schemaVersion: 1, fields: { n: "technical" } });

const newScope = (): TenantScope => openScopeForTests();

/** The same tenant as another instance sees it. */
function again({ tenantId, actor, action }: TenantScope): TenantScope {
  return openScopeForTests(tenantId, { actor, action });
}

const event = (n: number): Event => ({ type: "survey.created", data: { n } });

async function happen(tenant: TenantScope, n: number, events: readonly Event[] = [event(n)]): Promise<void> {
  const id = `thing_${ulid()}`;
  await tenant.change().create(thingKind, id, { n }).commit({ target: id, events });
}

async function append(tenant: TenantScope): Promise<void> {
  for (let ordered = await tenant.log.order(); ordered !== undefined; ordered = await tenant.log.order()) {
    await tenant.log.write(ordered.entries);
    await tenant.log.finish(ordered);
  }
}

async function readAll(tenant: TenantScope): Promise<LogEntry[]> {
  const all: LogEntry[] = [];
  for (;;) {
    const { entries, last, more } = await tenant.log.read(all.at(-1)?.seq ?? 0, 7);
    all.push(...entries);
    expect(last).toBe(all.at(-1)?.seq ?? 0);
    if (!more) return all;
  }
}

/** Every place taken once, each entry proving the one before, no fact left. */
async function expectWhole(tenant: TenantScope, numbers: readonly unknown[]): Promise<void> {
  const entries = await readAll(tenant);
  expect(entries.map(({ data }) => data["n"])).toEqual(numbers);
  expect(entries.map(({ seq }) => seq)).toEqual(numbers.map((_n, at) => at + 1));
  let before = "0".repeat(64);
  for (const { hash, ...entry } of entries) {
    expect(entry.prevHash).toBe(before);
    expect(entryHash(entry)).toBe(hash);
    before = hash;
  }
  expect((await tenant.repository.list(factKind)).items).toEqual([]);
}

test("facts become entries in the order in which they happened, one for each event", async () => {
  const tenant = newScope();
  await happen(tenant, 1);
  await happen(tenant, 2, [event(2), event(3)]);
  await happen(tenant, 0, []);
  await append(tenant);
  await expectWhole(tenant, [1, 2, 3, undefined]);
  expect((await readAll(tenant)).map(({ id, type }) => [id, type])).toEqual([
    ["evt_000000000001", "survey.created"],
    ["evt_000000000002", "survey.created"],
    ["evt_000000000003", "survey.created"],
    ["evt_000000000004", undefined],
  ]);
  await expect(tenant.log.order()).resolves.toBeUndefined();
});

test("a tenant's log is its own", async () => {
  const [one, other] = [newScope(), newScope()];
  await Promise.all([happen(one, 1), happen(other, 2)]);
  await append(one);
  await expectWhole(one, [1]);
  expect(await readAll(other)).toEqual([]);
  const [entry] = await readAll(one);
  expect(await one.log.find(entry?.month ?? "", 1)).toEqual(entry);
  expect(await other.log.find(entry?.month ?? "", 1)).toBeUndefined();
});

test("more facts than fit one batch, with more events than fit one, lose nothing", async () => {
  const tenant = newScope();
  for (let n = 0; n < 100; n++) await happen(tenant, n, [event(n), event(n + 0.5)]);
  await append(tenant);
  await expectWhole(
    tenant,
    Array.from({ length: 200 }, (_each, at) => at / 2),
  );
});

test.each(["order", "half", "write"] as const)(
  "who dies after %s leaves everything to the next one, and what happened meanwhile comes behind",
  async (last) => {
    const tenant = newScope();
    await happen(tenant, 1);
    await happen(tenant, 2);
    const ordered = await tenant.log.order();
    if (ordered === undefined) throw new Error("there is nothing to order");
    if (last === "half") await tenant.log.write(ordered.entries.slice(0, 1));
    if (last === "write") await tenant.log.write(ordered.entries);
    await happen(tenant, 3);
    const next = again(tenant);
    expect((await next.log.order())?.entries).toEqual(ordered.entries);
    await append(next);
    await expectWhole(tenant, [1, 2, 3]);
  },
);

test("who was thought dead and wakes up later changes nothing", async () => {
  const tenant = newScope();
  await happen(tenant, 1);
  const late = await tenant.log.order();
  if (late === undefined) throw new Error("there is nothing to order");
  await happen(tenant, 2);
  await append(again(tenant));
  await tenant.log.write(late.entries);
  await tenant.log.finish(late);
  await happen(tenant, 3);
  await append(tenant);
  await tenant.log.finish(late);
  await expectWhole(tenant, [1, 2, 3]);
});

test("several at once make one log", async () => {
  const tenant = newScope();
  const appenders = [tenant, again(tenant), again(tenant), again(tenant)];
  for (let n = 0; n < 12; n++) {
    await happen(tenant, n);
    await Promise.all(appenders.map(append));
  }
  await expectWhole(
    tenant,
    Array.from({ length: 12 }, (_each, at) => at),
  );
});

test("readers stop at the first entry that is not written yet", async () => {
  const tenant = newScope();
  for (const n of [1, 2, 3]) await happen(tenant, n);
  const ordered = await tenant.log.order();
  if (ordered === undefined) throw new Error("there is nothing to order");
  await tenant.log.write(ordered.entries.filter(({ seq }) => seq !== 2));
  expect(await tenant.log.read(0, 10)).toMatchObject({ last: 1, more: false, entries: [{ seq: 1 }] });
  expect(await tenant.log.read(1, 10)).toEqual({ last: 1, more: false, entries: [] });
  await append(tenant);
  await expectWhole(tenant, [1, 2, 3]);
});

test("an entry that is there already with other content is never written over", async () => {
  const tenant = newScope();
  await happen(tenant, 1);
  const ordered = await tenant.log.order();
  const [entry] = ordered?.entries ?? [];
  if (ordered === undefined || entry === undefined) throw new Error("there is nothing to order");
  await tenant.log.write([{ ...entry, hash: "f".repeat(64) }]);
  await expect(tenant.log.write(ordered.entries)).rejects.toThrow("another entry");
});

test("each month is a partition of its own, never an earlier one again, and reading goes on across them", async () => {
  const tenant = newScope();
  const real = now().getTime();
  const day = 86_400_000;
  for (const [n, days] of [0, 31, 31, 62, 0, 124].entries()) {
    setClockForTests(() => new Date(real + days * day));
    await happen(tenant, n);
    await append(tenant);
  }
  await expectWhole(tenant, [0, 1, 2, 3, 4, 5]);
  const months = (await readAll(tenant)).map(({ month }) => month);
  expect(months).toEqual(months.toSorted());
  expect(new Set(months).size).toBe(4);
});

test("what was placed in one month is finished there, whenever that happens", async () => {
  const tenant = newScope();
  await happen(tenant, 1);
  const placed = await tenant.log.order();
  const real = now().getTime();
  setClockForTests(() => new Date(real + 40 * 86_400_000));
  await happen(tenant, 2);
  await append(again(tenant));
  await expectWhole(tenant, [1, 2]);
  const months = (await readAll(tenant)).map(({ month }) => month);
  expect(months[0]).toBe(placed?.entries[0]?.month);
  expect(months[1]).not.toBe(months[0]);
});

test("facts that vanish after they were placed are an alarm, not a gap", async () => {
  const tenant = newScope();
  await happen(tenant, 1);
  await tenant.log.order();
  const [fact] = (await tenant.repository.list(factKind)).items;
  if (fact === undefined) throw new Error("there is no fact");
  await tenant.change().remove(fact).record();
  await expect(again(tenant).log.order()).rejects.toThrow("missing");
});

/** A tenant with facts that have their places, which are not written yet. */
async function placed(count: number) {
  const tenant = newScope();
  for (let n = 1; n <= count; n++) await happen(tenant, n);
  const ordered = await tenant.log.order();
  if (ordered === undefined) throw new Error("there is nothing to order");
  return { tenant, ordered };
}

test("as many facts as one batch can delete are ordered at once", async () => {
  const { ordered } = await placed(95);
  expect(ordered.facts).toHaveLength(90);
  expect(ordered.entries).toHaveLength(90);
});

test("an entry tells everything that its fact does", async () => {
  const facts = { action: "createThing", requestId: "request-1", actor: { type: "member", id: "mbr_1" } } as const;
  const tenant = openScopeForTests(undefined, { ...facts, source: "somewhere" });
  await tenant.change().commit({ target: "svy_1", events: [event(1)] });
  await openScopeForTests(tenant.tenantId, facts).change().commit({ target: "svy_2", denied: "forbidden" });
  await append(tenant);
  const [first, second] = await readAll(tenant);
  const common = { month: now().toISOString().slice(0, 7), occurredAt: expect.any(String) as string, ...facts };
  expect(first).toEqual({
    ...common,
    ...{ id: "evt_000000000001", seq: 1, type: "survey.created", data: { n: 1 } },
    ...{ source: "somewhere", target: "svy_1" },
    ...{ prevHash: "0".repeat(64), hash: expect.any(String) as string },
  });
  expect(second).toEqual({
    ...common,
    ...{ id: "evt_000000000002", seq: 2, data: {}, target: "svy_2", denied: "forbidden" },
    ...{ prevHash: first?.hash, hash: expect.any(String) as string },
  });
});

test("the end of the log is an item of a kind of its own", async () => {
  const { tenant, ordered } = await placed(1);
  const headKind = defineKind<object>("logHead", { schemaVersion: 1, fields: {} });
  expect(await tenant.repository.find(headKind, "log_head")).toMatchObject({ ...ordered.head.value, seq: 1 });
});

test("facts that changed after they were placed are an alarm", async () => {
  const { tenant } = await placed(1);
  const [fact] = (await tenant.repository.list(factKind)).items;
  if (fact === undefined) throw new Error("there is no fact");
  await tenant.change().patch(factKind, fact, { target: "another" }).record();
  await expect(again(tenant).log.order()).rejects.toThrow("not make the entries");
});

test("facts that are not there to be deleted are an alarm, unless the log has ended elsewhere", async () => {
  const { tenant, ordered } = await placed(2);
  await tenant.log.write(ordered.entries);
  const [fact] = ordered.facts;
  if (fact === undefined) throw new Error("there is no fact");
  const more = { ...ordered, facts: [...ordered.facts, { ...fact, id: "fct_none" }] };
  await expect(tenant.log.finish(more)).rejects.toThrow("could not be deleted (207)");
  expect((await tenant.repository.list(factKind)).items).toHaveLength(2);
  await expect(newScope().log.finish(ordered)).resolves.toBeUndefined();
  await tenant.log.finish(ordered);
  await expectWhole(tenant, [1, 2]);
});

test("what the database refuses is thrown, and nothing is taken for somebody else's", async () => {
  const tenant = newScope();
  const fail = (operation: string, container: string) => {
    database.cosmos.faults.add({ operation, status: 403, container, partitionKey: keyOf(container) });
  };
  const keyOf = (container: string) =>
    JSON.stringify([tenant.tenantId, ...(container.endsWith("log") ? [now().toISOString().slice(0, 7)] : [])]);
  await happen(tenant, 1);
  fail("document.create", "callpilot/data");
  await expect(tenant.log.order()).rejects.toMatchObject({ code: 403 });
  const ordered = await tenant.log.order();
  if (ordered === undefined) throw new Error("there is nothing to order");
  fail("document.batch", "callpilot/log");
  await expect(tenant.log.write(ordered.entries)).rejects.toThrow();
  expect(await readAll(tenant)).toEqual([]);
  await append(tenant);
  await happen(tenant, 2);
  fail("document.replace", "callpilot/data");
  await expect(tenant.log.order()).rejects.toMatchObject({ code: 403 });
  await append(tenant);
  await expectWhole(tenant, [1, 2]);
});

test("entries that no partition takes are not written", async () => {
  const { tenant, ordered } = await placed(2);
  const [first, second] = ordered.entries;
  if (first === undefined || second === undefined) throw new Error("there are no entries");
  await expect(tenant.log.write([first, { ...second, month: "2020-01" }])).rejects.toThrow("could not be written");
  expect(await tenant.log.find(first.month, 1)).toBeUndefined();
  await tenant.log.write([]);
});
