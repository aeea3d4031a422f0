import { describe, expect, it } from "vitest";
import type { Fault } from "../../local/cosmos/faults.ts";
import { setClockForTests } from "../clock.ts";
import { CounterMissing } from "./change.ts";
import { counterId } from "./counter.ts";
import { type Condition, conditionText } from "./condition.ts";
import { counting } from "./counting.ts";
import { dataContainer } from "./database.ts";
import { insideBoundaryForTests, newTenantId, openScopeForTests, databaseOfFileForTests } from "./databaseForTests.ts";
import { factKind } from "./fact.ts";
import { within } from "./guard.ts";
import { derivedId, newId } from "./ids.ts";
import { type Entity, defineKind } from "./kind.ts";
import { reservationId, reservationKind } from "./reservation.ts";
import { IdempotencyConflict, type TenantScope, idempotencyKind } from "./scope.ts";

interface Note {
  readonly color: string;
  readonly rank?: number;
  readonly tags?: Readonly<Record<string, string>>;
}
const noteFields = { color: "freeText", rank: "technical", tags: { "*": "freeText" } } as const;
const noteKind = defineKind<Note>("note", { schemaVersion: 3, fields: noteFields });
const counterKind = defineKind<{ readonly value: number }>("counter", {
  schemaVersion: 1,
  fields: { value: "technical" },
});

insideBoundaryForTests();

const database = databaseOfFileForTests();

async function given(tenant: TenantScope, note: Note = { color: "red" }): Promise<Entity<Note>> {
  const id = newId("cmt");
  await tenant.change().create(noteKind, id, note).record();
  return await tenant.repository.get(noteKind, id);
}

const factsOf = async (tenant: TenantScope) => (await tenant.repository.list(factKind, { limit: 100 })).items;
const valueOf = async (tenant: TenantScope, counter: string) =>
  (await tenant.repository.get(counterKind, counterId(counter))).value;

/** The item as the database has it. */
const stored = async (tenantId: string, id: string): Promise<Record<string, unknown>> => {
  const { resource } = await within([tenantId], () =>
    dataContainer().item(id, tenantId).read<Record<string, unknown>>(),
  );
  return resource ?? {};
};

const batchesSince = (since: number) =>
  database.cosmos.requests.records({ since }).filter(({ operation }) => operation === "document.batch");

describe("a change", () => {
  it("is one batch: the key's record, reservations, entities, counters, the fact", async () => {
    const idempotency = { id: derivedId("idem", newId("cmt")), body: "b" };
    const tenant = openScopeForTests(newTenantId(), { idempotency });
    await openScopeForTests(tenant.tenantId).change().startCounter("notes", 0).record();
    const before = database.cosmos.requests.latest;
    const id = newId("cmt");
    await tenant
      .change()
      .count("notes", 1)
      .create(noteKind, id, { color: "red" })
      .reserve("name", "Red", id, "name_taken")
      .remember({ id })
      .commit({ target: id, events: [{ type: "survey.created", data: { id } }] });
    expect(batchesSince(before).map(({ batch }) => batch)).toEqual([["Create", "Create", "Create", "Patch", "Create"]]);
    expect(await tenant.repository.get(idempotencyKind, idempotency.id)).toMatchObject({ body: "b", result: { id } });
    expect(await stored(tenant.tenantId, idempotency.id)).toMatchObject({ ttl: 86_400 });
    expect(await tenant.repository.get(reservationKind, reservationId("name", "red"))).toMatchObject({ owner: id });
    expect(await valueOf(tenant, "notes")).toBe(1);
    const { action, actor, requestId } = tenant;
    expect(await factsOf(tenant)).toMatchObject([
      { action, actor, requestId, target: id, events: [{ type: "survey.created", data: { id } }], commands: [] },
    ]);
  });

  it("is everything or nothing", async () => {
    const tenant = openScopeForTests();
    const [note, id] = [await given(tenant), newId("cmt")];
    const change = tenant
      .change()
      .patch(noteKind, note, { color: "blue" })
      .reserve("name", "n", id, "name_taken")
      .create(noteKind, id, { color: "green" })
      .count("never-started", 1);
    await expect(change.commit({ target: id })).rejects.toBeInstanceOf(CounterMissing);
    expect(await tenant.repository.get(noteKind, note.id)).toEqual(note);
    expect(await tenant.repository.find(noteKind, id)).toBeUndefined();
    expect(await tenant.repository.find(reservationKind, reservationId("name", "n"))).toBeUndefined();
    expect(await factsOf(tenant)).toEqual([]);
  });

  it("writes the tenant, the kind and the version itself, whatever the fields say", async () => {
    const tenant = openScopeForTests();
    const id = newId("cmt");
    const sly = { color: "red", tenantId: newTenantId(), kind: "tenant", schemaVersion: 9, id: "x", createdAt: "x" };
    const { at } = await tenant.change().create(noteKind, id, sly).record();
    const item = { id, tenantId: tenant.tenantId, kind: "note", schemaVersion: 3, createdAt: at, updatedAt: at };
    expect(await stored(tenant.tenantId, id)).toMatchObject(item);
  });

  it("knows the versions that it wrote, and of nothing else", async () => {
    const tenant = openScopeForTests();
    const note = await given(tenant);
    const committed = await tenant.change().patch(noteKind, note, { color: "blue" }).commit({ target: note.id });
    expect(committed.etag(note.id)).toBe((await tenant.repository.get(noteKind, note.id)).etag);
    expect(() => committed.etag("another")).toThrow(RangeError);
  });

  it("that is too large is not sent", async () => {
    const change = openScopeForTests().change();
    for (let count = 0; count < 100; count++) change.create(noteKind, newId("cmt"), { color: "red" });
    await expect(change.commit({ target: "x" })).rejects.toThrow(RangeError);
  });

  it("without a fact leaves none", async () => {
    const tenant = openScopeForTests();
    const note = await given(tenant);
    await tenant.change().patch(noteKind, note, { rank: 1 }).record();
    expect(await factsOf(tenant)).toEqual([]);
  });
});

describe("what fails", () => {
  it("costs its one request", async () => {
    const tenant = openScopeForTests();
    const { id } = await given(tenant);
    const before = database.cosmos.requests.latest;
    await expect(tenant.change().create(noteKind, id, { color: "x" }).commit({ target: id })).rejects.toMatchObject({
      code: "conflict",
    });
    expect(database.cosmos.requests.latest - before).toBe(1);
  });

  it("is told as the problem that the change names for it", async () => {
    const tenant = openScopeForTests();
    const note = await given(tenant);
    const again = () => tenant.change().create(noteKind, note.id, { color: "x" });
    await expect(again().record()).rejects.toMatchObject({ code: "conflict" });
    await expect(
      tenant.change().create(noteKind, note.id, { color: "x" }, { exists: "duplicate_ref" }).record(),
    ).rejects.toMatchObject({ code: "duplicate_ref" });
    await tenant.change().reserve("name", "taken", note.id, "name_taken").record();
    await expect(
      tenant.change().reserve("name", "TAKEN", "other", "name_taken").commit({ target: "x" }),
    ).rejects.toMatchObject({ code: "name_taken" });
    await tenant.change().remove(note).record();
    await expect(tenant.change().remove(note).record()).rejects.toMatchObject({ code: "not_found" });
    await expect(
      tenant
        .change()
        .patch(noteKind, note, { rank: 1 }, { otherwise: { missing: "expired" } })
        .record(),
    ).rejects.toMatchObject({ code: "expired" });
  });

  it("a stale replacement, patch or removal: the first writer wins", async () => {
    const tenant = openScopeForTests();
    const note = await given(tenant);
    await tenant.change().replace(noteKind, note, { color: "blue" }).record();
    const stale = { code: "stale" };
    await expect(tenant.change().replace(noteKind, note, { color: "x" }).record()).rejects.toMatchObject(stale);
    await expect(tenant.change().remove(note).record()).rejects.toMatchObject(stale);
    const withMatch = tenant.change().patch(noteKind, note, { rank: 1 }, { ifMatch: note.etag });
    await expect(withMatch.record()).rejects.toMatchObject(stale);
    expect(await tenant.repository.get(noteKind, note.id)).toMatchObject({ color: "blue", createdAt: note.createdAt });
  });
});

describe("a condition", () => {
  const holding: Condition[] = [
    { color: "red" },
    { color: ["blue", "red"] },
    { rank: { atMost: 5 } },
    { "tags.a": "x", color: "red" },
    { missing: { absent: true } },
  ];
  const failing: Condition[] = [
    { color: "blue" },
    { color: ["blue", "green"] },
    { rank: { atMost: 4 } },
    { "tags.b": "x" },
    { color: { absent: true } },
    { missing: { atMost: 5 } },
    { color: "red", rank: { atMost: 4 } },
  ];

  it.each(holding)("lets a patch through where it holds: %j", async (condition) => {
    const tenant = openScopeForTests();
    const note = await given(tenant, { color: "red", rank: 5, tags: { a: "x" } });
    await tenant.change().patch(noteKind, note, { color: "new" }, { condition }).record();
    expect(await tenant.repository.get(noteKind, note.id)).toMatchObject({ color: "new" });
  });

  it.each(failing)("stops it where it does not: %j", async (condition) => {
    const tenant = openScopeForTests();
    const note = await given(tenant, { color: "red", rank: 5, tags: { a: "x" } });
    const otherwise = { stale: "final" } as const;
    const change = tenant.change().patch(noteKind, note, { color: "new" }, { condition, otherwise });
    await expect(change.record()).rejects.toMatchObject({ code: "final" });
  });

  it("is made of words and numbers only", () => {
    const sly: Condition[] = [
      { 'color"] = 1 OR c["x': 1 },
      { "a b": 1 },
      { "": 1 },
      { ".a": 1 },
      { color: 'x" OR 1=1' },
      { color: ["x", "y z"] },
      { color: "" },
      { rank: Number.NaN },
      { rank: { atMost: Number.POSITIVE_INFINITY } },
    ];
    for (const condition of sly) expect(() => conditionText(condition), JSON.stringify(condition)).toThrow(TypeError);
  });

  it("of an entry's name is a name", () => {
    const change = openScopeForTests().change();
    const note: Entity<Note> = {
      id: "x",
      color: "red",
      createdAt: "",
      updatedAt: "2026-01-01T00:00:00.000Z",
      etag: "",
    };
    expect(() => change.patchEntry(note, "tags", "a-b_C1", 1)).not.toThrow();
    for (const name of ["a/b", "", "a b", "~1", "ä"])
      expect(() => change.patchEntry(note, "tags", name, 1)).toThrow(TypeError);
  });
});

it("sets one entry of a map beside another that is set at the same time", async () => {
  const tenant = openScopeForTests();
  const note = await given(tenant, { color: "red", tags: {} });
  await Promise.all(["a", "b", "c", "d"].map((name) => tenant.change().patchEntry(note, "tags", name, name).record()));
  expect(await tenant.repository.get(noteKind, note.id)).toMatchObject({ tags: { a: "a", b: "b", c: "c", d: "d" } });
});

it("keeps what is to be forgotten for its time after each change, and everything else for ever", async () => {
  const tenant = openScopeForTests();
  const passing = defineKind<Note>("passing", { schemaVersion: 1, fields: noteFields, ttlSeconds: 60 });
  const [id, kept] = [newId("cmt"), newId("cmt")];
  await tenant.change().create(passing, id, { color: "red" }).create(noteKind, kept, { color: "red" }).record();
  expect(await stored(tenant.tenantId, id)).toMatchObject({ color: "red", ttl: 60 });
  await tenant
    .change()
    .replace(passing, await tenant.repository.get(passing, id), { color: "blue" })
    .record();
  expect(await stored(tenant.tenantId, id)).toMatchObject({ color: "blue", ttl: 60 });
  expect(await stored(tenant.tenantId, kept)).not.toHaveProperty("ttl");
  expect(await tenant.repository.get(passing, id)).not.toHaveProperty("ttl");
});

describe("a counter", () => {
  it("with a limit of 10 lets exactly 10 of 50 at once through", async () => {
    const tenant = openScopeForTests();
    await tenant.change().startCounter("notes", 0).record();
    const results = await Promise.allSettled(
      Array.from({ length: 50 }, async () => {
        const id = newId("cmt");
        const change = tenant.change().create(noteKind, id, { color: "red" });
        await change.count("notes", 1, { atMost: 10, beyond: "quota_exceeded" }).commit({ target: id });
      }),
    );
    const refused = results.flatMap((result) => (result.status === "rejected" ? [result.reason as unknown] : []));
    expect(refused).toHaveLength(40);
    for (const reason of refused) expect(reason).toMatchObject({ code: "quota_exceeded" });
    expect(await valueOf(tenant, "notes")).toBe(10);
    expect(await factsOf(tenant)).toHaveLength(10);
  });

  it("of a tenant that has none is started with what there is, once, by whoever is first", async () => {
    const tenant = openScopeForTests();
    let made = 3;
    const one = async () => {
      await tenant.change().count("notes", 1, { atMost: 10, beyond: "quota_exceeded" }).record();
      made += 1;
    };
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, () => counting(tenant, "notes", () => Promise.resolve(made), one)),
    );
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(7);
    expect(await valueOf(tenant, "notes")).toBe(10);
    await expect(tenant.change().count("others", 1).record()).rejects.toBeInstanceOf(CounterMissing);
  });

  it("moves by finite numbers only", () => {
    for (const by of [Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => openScopeForTests().change().count("notes", by)).toThrow(TypeError);
  });
});

describe("a request that goes wrong on its way", () => {
  const plan = (tenant: TenantScope, fault: Omit<Fault, "operation" | "partitionKey">) => {
    const partitionKey = JSON.stringify([tenant.tenantId]);
    database.cosmos.faults.add({ operation: "document.batch", partitionKey, ...fault });
  };
  async function counted(tenant: TenantScope) {
    const note = await given(tenant);
    await tenant.change().startCounter("notes", 0).record();
    const change = tenant.change().patch(noteKind, note, { color: "blue" }).count("notes", 1);
    return { note, commit: () => change.commit({ target: note.id }), record: () => change.record() };
  }

  const passing: Omit<Fault, "operation">[] = [
    { status: "reset" },
    { status: "reset", after: true },
    { status: 503 },
    { status: 503, after: true },
    { status: 500, after: true },
    { status: 449 },
    { status: 410 },
    { status: 408, after: true },
    { status: 429, retryAfterMs: 1 },
    { status: 503, times: 3 },
  ];
  it.each(passing)("happens once, and its versions are known: %j", async (fault) => {
    const tenant = openScopeForTests();
    const { note, commit } = await counted(tenant);
    plan(tenant, fault);
    const committed = await commit();
    expect(database.cosmos.faults.pending()).toEqual([]);
    expect(await valueOf(tenant, "notes")).toBe(1);
    expect(await factsOf(tenant)).toHaveLength(1);
    const after = await tenant.repository.get(noteKind, note.id);
    expect(after).toMatchObject({ color: "blue", updatedAt: committed.at });
    expect(committed.etag(note.id)).toBe(after.etag);
  });

  it("is found to have happened even if no repeat gets an answer", async () => {
    const tenant = openScopeForTests();
    const { commit } = await counted(tenant);
    plan(tenant, { status: "reset", after: true });
    plan(tenant, { status: 503, times: 3 });
    await expect(commit()).resolves.toBeDefined();
    expect(await valueOf(tenant, "notes")).toBe(1);
  });

  it("is said to be unavailable if it never happens, and nothing of it is there", async () => {
    const tenant = openScopeForTests();
    const { commit } = await counted(tenant);
    plan(tenant, { status: 503, times: 4 });
    await expect(commit()).rejects.toMatchObject({ code: "unavailable", details: { retryAfter: 2 } });
    expect(await valueOf(tenant, "notes")).toBe(0);
    expect(await factsOf(tenant)).toEqual([]);
    await commit();
    expect(await valueOf(tenant, "notes")).toBe(1);
  });

  it("is not repeated on top of the SDK's own repeats where there are too many requests", async () => {
    const tenant = openScopeForTests();
    const { commit } = await counted(tenant);
    plan(tenant, { status: 429, times: 100, retryAfterMs: 1 });
    const before = database.cosmos.requests.latest;
    await expect(commit()).rejects.toMatchObject({ code: "unavailable" });
    expect(batchesSince(before)).toHaveLength(10);
  });

  it("does not pass somebody else's version for its own", async () => {
    const tenant = openScopeForTests();
    const { note, commit } = await counted(tenant);
    plan(tenant, { status: "reset", after: true, delayMs: 60_000 });
    const committing = commit();
    await expect.poll(() => valueOf(tenant, "notes"), { timeout: 60_000 }).toBe(1);
    const between = await tenant.repository.get(noteKind, note.id);
    await tenant.change().patch(noteKind, between, { color: "green" }).record();
    database.cosmos.faults.clear();
    const own = (await committing).etag(note.id);
    expect(own).not.toBe((await tenant.repository.get(noteKind, note.id)).etag);
    const stale = tenant.change().patch(noteKind, between, { color: "lost" }, { ifMatch: own });
    await expect(stale.record()).rejects.toMatchObject({ code: "stale" });
  });

  it("stays open without a fact: the conflict with what was written shows", async () => {
    const tenant = openScopeForTests();
    const note = await given(tenant);
    plan(tenant, { status: "reset", after: true });
    await expect(tenant.change().replace(noteKind, note, { color: "blue" }).record()).rejects.toMatchObject({
      code: "stale",
    });
    expect(await tenant.repository.get(noteKind, note.id)).toMatchObject({ color: "blue" });
  });
});

describe("an Idempotency-Key", () => {
  const key = () => ({ id: derivedId("idem", newId("cmt")), body: "b" });

  it("that was used shows first, before anything else that the repeat would run into", async () => {
    const tenantId = newTenantId();
    const idempotency = key();
    const id = newId("cmt");
    const attempt = () =>
      openScopeForTests(tenantId, { idempotency: { ...idempotency } })
        .change()
        .reserve("name", "n", id, "name_taken")
        .create(noteKind, id, { color: "red" }, { exists: "duplicate_ref" })
        .commit({ target: id });
    await attempt();
    await expect(attempt()).rejects.toBeInstanceOf(IdempotencyConflict);
  });

  it("used five times at once has one effect", async () => {
    const tenantId = newTenantId();
    const idempotency = key();
    const results = await Promise.allSettled(
      Array.from({ length: 5 }, () =>
        openScopeForTests(tenantId, { idempotency: { ...idempotency } })
          .change()
          .create(noteKind, newId("cmt"), { color: "red" })
          .commit({ target: "x" }),
      ),
    );
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(await factsOf(openScopeForTests(tenantId))).toHaveLength(1);
  });

  it("is used up by the first change of a request, and not by one that failed", async () => {
    const tenantId = newTenantId();
    const tenant = openScopeForTests(tenantId, { idempotency: key() });
    await expect(tenant.change().count("none", 1).commit({ target: "x" })).rejects.toBeInstanceOf(CounterMissing);
    const make = () => tenant.change().create(noteKind, newId("cmt"), { color: "red" }).commit({ target: "x" });
    await make();
    await make();
    expect(await factsOf(tenant)).toHaveLength(2);
  });
});

describe("what a change writes", () => {
  it("tells with its fact who did what, from where, and how it was refused", async () => {
    const facts = { action: "createNote", requestId: "request-1", actor: { type: "member", id: "mbr_1" } } as const;
    const tenant = openScopeForTests(undefined, { ...facts, source: "somewhere" });
    await tenant.change().commit({ target: "svy_1", denied: "forbidden" });
    await openScopeForTests(tenant.tenantId, facts).change().commit({ target: "svy_2" });
    const [first, second] = (await factsOf(tenant)).map(({ id, createdAt, updatedAt, etag, ...fact }) => fact);
    expect(first).toEqual({
      ...{ ...facts, source: "somewhere", target: "svy_1", denied: "forbidden" },
      ...{ events: [], commands: [] },
    });
    expect(second).toEqual({ ...facts, target: "svy_2", events: [], commands: [] });
  });

  it("takes away a field that is set to nothing", async () => {
    const tenant = openScopeForTests();
    const note = await given(tenant, { color: "red", rank: 5 });
    const nothing = { rank: undefined } as unknown as Partial<Note>;
    await tenant.change().patch(noteKind, note, nothing).record();
    expect(await tenant.repository.get(noteKind, note.id)).not.toHaveProperty("rank");
    expect(await tenant.repository.get(noteKind, note.id)).toMatchObject({ color: "red" });
  });

  it("is at most 100 operations", async () => {
    const tenant = openScopeForTests();
    const change = tenant.change();
    for (let at = 0; at < 99; at++) change.create(noteKind, newId("cmt"), { color: "red" });
    await change.commit({ target: "x" });
    await expect(change.create(noteKind, newId("cmt"), { color: "red" }).commit({ target: "x" })).rejects.toThrow(
      "a change of 101 operations",
    );
  });

  it("fails with the database's own words where no problem stands for its refusal", async () => {
    const tenant = openScopeForTests();
    const change = tenant.change().create(noteKind, "a/b", { color: "red" });
    await expect(change.record()).rejects.toMatchObject({ name: "BatchRefused", status: 400 });
    const idempotency = { id: "a/b", body: "b" };
    await expect(
      openScopeForTests(tenant.tenantId, { idempotency }).change().commit({ target: "x" }),
    ).rejects.toMatchObject({ name: "BatchRefused", index: 0, status: 400 });
  });

  it("asks for a counter that is there", async () => {
    const failed = expect(openScopeForTests().change().count("notes", 1).record()).rejects;
    await failed.toMatchObject({ name: "CounterMissing", message: "no counter notes" });
  });
});

describe("the time of a change", () => {
  const past = "2020-01-01T00:00:00.000Z";

  it("is behind that of everything it changes, on a machine whose clock is slow, too", async () => {
    const tenant = openScopeForTests();
    const note = await given(tenant);
    setClockForTests(() => new Date(past));
    const times = [note.updatedAt];
    for (const color of ["a", "b", "c"]) {
      const before = await tenant.repository.get(noteKind, note.id);
      times.push((await tenant.change().patch(noteKind, before, { color }).commit({ target: note.id })).at);
    }
    expect(times).toEqual([...new Set(times)].sort());
    expect((await factsOf(tenant)).map(({ createdAt }) => createdAt)).toEqual(times.slice(1));
  });

  it("is one for all that it writes, in whatever order it was told of it", async () => {
    const tenant = openScopeForTests();
    setClockForTests(() => new Date(past));
    const older = await given(tenant);
    setClockForTests(() => new Date("2030-01-01T00:00:00.000Z"));
    const newer = await given(tenant);
    setClockForTests(() => new Date(past));
    const id = newId("cmt");
    const { at } = await tenant
      .change()
      .create(noteKind, id, { color: "x" })
      .patch(noteKind, older, { color: "x" })
      .replace(noteKind, newer, { color: "x" })
      .commit({ target: id });
    expect(at).toBe("2030-01-01T00:00:00.001Z");
    const turned = tenant.change().patch(noteKind, newer, { color: "y" }).patch(noteKind, older, { color: "y" });
    expect(turned.at).toBe("2030-01-01T00:00:00.001Z");
    expect(tenant.change().patchEntry(newer, "tags", "name", "x").at).toBe("2030-01-01T00:00:00.001Z");
    expect(tenant.change().remove(newer).at).toBe("2030-01-01T00:00:00.001Z");
    for (const each of [id, older.id, newer.id])
      expect(await tenant.repository.get(noteKind, each)).toMatchObject({ updatedAt: at });
    expect(await factsOf(tenant)).toMatchObject([{ createdAt: at }]);
  });
});
