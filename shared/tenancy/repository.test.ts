import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dataContainer } from "./database.ts";
import { insideBoundaryForTests, openScopeForTests, databaseOfFileForTests } from "./databaseForTests.ts";
import { within } from "./guard.ts";
import { newId } from "./ids.ts";
import { compositeIndexes, defineKind } from "./kind.ts";
import { type ListRequest, TenantRepository } from "./repository.ts";
import type { TenantScope } from "./scope.ts";

interface Note {
  readonly color: string;
  readonly rank: string;
}
const noteKind = defineKind<Note>("note", {
  schemaVersion: 2,
  fields: { color: "freeText", rank: "freeText" },
  lists: [
    { where: [], orderBy: "rank", direction: "ascending" },
    { where: ["color"], orderBy: "rank", direction: "descending" },
    { where: [], orderBy: "createdAt", direction: "ascending" },
  ],
  upgrade: ({ colour, ...rest }) => ({ ...rest, color: colour }) as unknown as Note,
});
const memoKind = defineKind<Note>("memo", {
  schemaVersion: 1,
  fields: { color: "freeText", rank: "freeText" },
  lists: [{ where: [], orderBy: "rank", direction: "ascending" }],
});

insideBoundaryForTests();

const database = databaseOfFileForTests({ indexes: compositeIndexes([noteKind, memoKind]) });

/** Writes notes, at most 90, and gives their ids. */
async function given(tenant: TenantScope, notes: readonly Note[], kind = noteKind): Promise<string[]> {
  const change = tenant.change();
  const ids = notes.map((note) => {
    const id = newId("cmt");
    change.create(kind, id, note);
    return id;
  });
  await change.record();
  return ids;
}

/** Stores an item as another build could have. */
async function stored(tenantId: string, item: object): Promise<string> {
  const id = newId("cmt");
  const at = "2026-01-01T00:00:00.000Z";
  const whole = { id, tenantId, kind: "note", createdAt: at, updatedAt: at, ...item };
  await within([tenantId], () => dataContainer().items.create(whole));
  return id;
}

const documentRequests = () => database.cosmos.requests.counters();

async function all(repository: TenantRepository, request: ListRequest<Note>): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await repository.list(noteKind, { ...request, ...(cursor !== undefined && { cursor }) });
    expect(page.items.length).toBeLessThanOrEqual(request.limit ?? 25);
    ids.push(...page.items.map(({ id }) => id));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return ids;
}

describe("another tenant's items", () => {
  it("are not found, listed or related, not even under the same ids", async () => {
    const [mine, other] = [openScopeForTests(), openScopeForTests()];
    const id = newId("cmt");
    await mine.change().create(noteKind, id, { color: "mine", rank: "1" }).record();
    await other.change().create(noteKind, id, { color: "other", rank: "1" }).record();
    const [foreign = ""] = await given(other, [{ color: "other", rank: "2" }]);

    expect(await mine.repository.find(noteKind, foreign)).toBeUndefined();
    await expect(mine.repository.get(noteKind, foreign)).rejects.toMatchObject({ code: "not_found" });
    expect((await mine.repository.get(noteKind, id)).color).toBe("mine");
    expect([...(await mine.repository.findMany(noteKind, [id, foreign])).values()]).toMatchObject([{ color: "mine" }]);
    expect((await mine.repository.list(noteKind, { orderBy: "rank" })).items).toMatchObject([{ color: "mine" }]);
    expect(await mine.repository.findRelated(noteKind, "color", "other")).toEqual([]);
  });

  it("are not reached by ids that would be other addresses", async () => {
    const { repository } = openScopeForTests();
    const before = documentRequests();
    for (const id of ["", ".", "..", "../..", "a/b", "a\\b", "a?b", "a#b", "%2e%2e", "a b", "ä", "a".repeat(200)])
      expect(await repository.find(noteKind, id), id).toBeUndefined();
    expect(documentRequests()).toEqual(before);
  });
});

it("finds an item as its own kind only", async () => {
  const tenant = openScopeForTests();
  const [id = ""] = await given(tenant, [{ color: "red", rank: "1" }]);
  expect(await tenant.repository.find(memoKind, id)).toBeUndefined();
  expect(await tenant.repository.findMany(memoKind, [id])).toEqual(new Map());
});

it("shows the kind's own fields and nothing of the database's", async () => {
  const { tenantId } = openScopeForTests();
  const id = await stored(tenantId, { schemaVersion: 2, color: "red", rank: "1", ttl: 1000, _own: "x" });
  const at = "2026-01-01T00:00:00.000Z";
  expect(await new TenantRepository(tenantId).get(noteKind, id)).toEqual({
    id,
    color: "red",
    rank: "1",
    createdAt: at,
    updatedAt: at,
    etag: expect.stringMatching(/^".+"$/u) as string,
  });
});

describe("items of another build", () => {
  it("are read from the version before and from the next", async () => {
    const { tenantId } = openScopeForTests();
    const repository = new TenantRepository(tenantId);
    const before = await stored(tenantId, { schemaVersion: 1, colour: "red", rank: "1" });
    const next = await stored(tenantId, { schemaVersion: 3, color: "blue", rank: "2", shade: "dark" });
    expect(await repository.get(noteKind, before)).toMatchObject({ color: "red" });
    expect(await repository.get(noteKind, next)).toMatchObject({ color: "blue" });
  });

  it.each([0, 4])("are not guessed at: version %d", async (schemaVersion) => {
    const { tenantId } = openScopeForTests();
    const id = await stored(tenantId, { schemaVersion, color: "red", rank: "1" });
    await expect(new TenantRepository(tenantId).find(noteKind, id)).rejects.toThrow("cannot be read");
  });
});

describe("a list", () => {
  it("that is not declared is refused before the database is asked", async () => {
    const { repository } = openScopeForTests();
    const before = documentRequests();
    const undeclared: ListRequest<Note>[] = [
      { orderBy: "updatedAt" },
      { where: { rank: "1" }, orderBy: "rank" },
      { where: { color: "red", rank: "1" }, orderBy: "rank" },
      { where: { color: "red" } },
    ];
    for (const request of undeclared)
      await expect(repository.list(noteKind, request)).rejects.toMatchObject({ code: "invalid_request" });
    expect(documentRequests()).toEqual(before);
  });

  it("comes in pages that together are the whole, each item once, whatever sort values are equal", async () => {
    const ranks = fc.array(fc.constantFrom("a", "b", "ß", "B"), { minLength: 1, maxLength: 25 });
    await fc.assert(
      fc.asyncProperty(ranks, fc.integer({ min: 1, max: 6 }), async (values, limit) => {
        const tenant = openScopeForTests();
        const notes = values.map((rank, at) => ({ rank, color: at % 3 === 0 ? "red" : "blue" }));
        const ids = await given(tenant, notes);
        const items = notes.map((note, at) => ({ ...note, id: ids[at] ?? "" }));
        const key = ({ rank, id }: { rank: string; id: string }) => `${rank} ${id}`;
        const ascending = [...items].sort((one, other) => (key(one) < key(other) ? -1 : 1));
        expect(await all(tenant.repository, { orderBy: "rank", limit })).toEqual(ascending.map(({ id }) => id));
        const red = ascending.filter(({ color }) => color === "red").reverse();
        expect(await all(tenant.repository, { where: { color: "red" }, orderBy: "rank", limit })).toEqual(
          red.map(({ id }) => id),
        );
      }),
      { numRuns: 12 },
    );
  });

  it("can be walked whole, each item once and in order, past a page and with its filter", async () => {
    const tenant = openScopeForTests();
    const red = Array.from({ length: 85 }, (_, at) => ({ color: "red", rank: String(at).padStart(3, "0") }));
    const ids = [...(await given(tenant, red)), ...(await given(tenant, red))];
    await given(tenant, [{ color: "blue", rank: "000" }]);
    const walked = await Array.fromAsync(
      tenant.repository.all(noteKind, { where: { color: "red" }, orderBy: "rank" }),
      ({ id, rank }) => ({ id, rank }),
    );
    expect(walked.map(({ id }) => id).sort()).toEqual([...ids].sort());
    expect(walked.map(({ rank }) => rank)).toEqual(
      walked
        .map(({ rank }) => rank)
        .sort()
        .reverse(),
    );
  });

  it("begins where `from` says and takes one query for a page", async () => {
    const tenant = openScopeForTests();
    await given(
      tenant,
      ["a", "b", "c", "d", "e"].map((rank) => ({ rank, color: "red" })),
    );
    const before = database.cosmos.requests.latest;
    const { items, nextCursor } = await tenant.repository.list(noteKind, { orderBy: "rank", from: "c", limit: 3 });
    expect(items.map(({ rank }) => rank)).toEqual(["c", "d", "e"]);
    expect(nextCursor).toBeUndefined();
    // The SDK asks for a plan beside the query; it carries no data.
    const asked = database.cosmos.requests.records({ since: before });
    expect(asked.filter(({ operation }) => operation !== "document.queryPlan")).toMatchObject([
      { operation: "document.query", partitionKey: JSON.stringify([tenant.tenantId]), tenantPredicate: true },
    ]);
  });
});

describe("items by their ids", () => {
  it("are the tenant's own of the kind, at most 100, for one query and none without ids", async () => {
    const [tenant, other] = [openScopeForTests(), openScopeForTests()];
    const notes = Array.from({ length: 50 }, (_, at) => ({ color: "red", rank: `${at}` }));
    const ids = [...(await given(tenant, notes)), ...(await given(tenant, notes))];
    const strays = [...(await given(other, notes.slice(0, 1))), ...(await given(tenant, notes.slice(0, 1), memoKind))];
    const queriesFor = async (asked: readonly string[]) => {
      const { latest } = database.cosmos.requests;
      const found = await tenant.repository.findMany(noteKind, asked);
      const sent = database.cosmos.requests.records({ since: latest });
      return { found, queries: sent.filter(({ operation }) => operation === "document.query").length };
    };
    const whole = await queriesFor(ids);
    expect([whole.found.size, whole.queries]).toEqual([100, 1]);
    expect(whole.found.get(ids[7] ?? "")).toMatchObject({ id: ids[7], rank: "7" });
    expect(await queriesFor(strays)).toEqual({ found: new Map(), queries: 1 });
    expect(await queriesFor([])).toEqual({ found: new Map(), queries: 0 });
    await expect(tenant.repository.findMany(noteKind, [...ids, "one-more"])).rejects.toThrow(RangeError);
  });
});

describe("items that have a value in common", () => {
  it("come of one kind, in the order of their ids, from the tenant alone", async () => {
    const [tenant, other] = [openScopeForTests(), openScopeForTests()];
    const [reds, blues] = ["red", "blue"].map((color) => Array.from({ length: 12 }, () => ({ color, rank: "1" })));
    const [one, , memos] = [
      await given(tenant, reds ?? []),
      await given(tenant, blues ?? []),
      await given(tenant, reds ?? [], memoKind),
      await given(other, reds ?? []),
    ];
    // Stored in another order than that of their ids.
    const early = "cmt_00000000000000000000000000";
    await tenant.change().create(noteKind, early, { color: "red", rank: "1" }).record();
    const idsOf = async (kind: typeof noteKind, color: string) =>
      (await tenant.repository.findRelated(kind, "color", color)).map(({ id }) => id);
    expect(await idsOf(noteKind, "red")).toEqual([early, ...one]);
    expect(await idsOf(memoKind, "red")).toEqual(memos);
    expect(await idsOf(noteKind, "green")).toEqual([]);
  });

  it.each(["", "a.b", "color = 'x' OR c.color", "color ", " color", "color1"])(
    "are not looked for by %j",
    async (field) => {
      const { repository } = openScopeForTests();
      await expect(repository.findRelated(noteKind, field, "x")).rejects.toThrow(TypeError);
    },
  );
});

describe("a list", () => {
  it("takes a filter without a value for none", async () => {
    const tenant = openScopeForTests();
    await given(tenant, [{ color: "red", rank: "1" }]);
    const where = { color: undefined } as unknown as NonNullable<ListRequest<Note>["where"]>;
    expect((await tenant.repository.list(noteKind, { where, orderBy: "rank" })).items).toHaveLength(1);
  });

  it("that is not declared is refused with a reason", async () => {
    await expect(openScopeForTests().repository.list(noteKind, { orderBy: "updatedAt" })).rejects.toMatchObject({
      code: "invalid_request",
      message: "This combination of filters is not supported",
    });
  });

  it("is walked to its end, each item once, for one query per 100", async () => {
    const tenant = openScopeForTests();
    const notes = Array.from({ length: 85 }, (_, at) => ({ color: "red", rank: String(at).padStart(3, "0") }));
    const ids = [...(await given(tenant, notes)), ...(await given(tenant, notes))];
    const { latest } = database.cosmos.requests;
    const seen = (await Array.fromAsync(tenant.repository.all(noteKind, { orderBy: "rank" }))).map(({ id }) => id);
    expect(seen.toSorted()).toEqual(ids.toSorted());
    const sent = database.cosmos.requests.records({ since: latest });
    expect(sent.filter(({ operation }) => operation === "document.query")).toHaveLength(2);
  });
});

describe("a cursor", () => {
  const request = { where: { color: "red" }, orderBy: "rank", limit: 1 } as const;
  async function cursorOf(tenant: TenantScope): Promise<string> {
    await given(
      tenant,
      ["a", "b"].map((rank) => ({ rank, color: "red" })),
    );
    const { nextCursor = "" } = await tenant.repository.list(noteKind, request);
    expect(nextCursor).not.toBe("");
    return nextCursor;
  }
  const refused = (tenant: TenantScope, changes: ListRequest<Note>, kind = noteKind) =>
    expect(tenant.repository.list(kind, { ...request, ...changes })).rejects.toMatchObject({ code: "invalid_cursor" });

  it("says nothing of what it points at", async () => {
    const cursor = Buffer.from(await cursorOf(openScopeForTests()), "base64url").toString("latin1");
    expect(cursor).not.toMatch(/cmt_|rank/u);
  });

  it("is worth nothing with any byte changed, added or missing", async () => {
    const tenant = openScopeForTests();
    const cursor = await cursorOf(tenant);
    const bytes = Buffer.from(cursor, "base64url");
    for (const at of bytes.keys()) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8((bytes[at] ?? 0) ^ 1, at);
      await refused(tenant, { cursor: changed.toString("base64url") });
    }
    for (const changed of ["", "A", cursor.slice(0, -1), `${cursor}A`, `${cursor}=`, ` ${cursor}`, "not a cursor"])
      await refused(tenant, { cursor: changed });
  });

  it("is worth nothing to another tenant or another list", async () => {
    const [tenant, other] = [openScopeForTests(), openScopeForTests()];
    const cursor = await cursorOf(tenant);
    await refused(other, { cursor });
    await refused(tenant, { cursor, where: { color: "blue" } });
    await refused(tenant, { cursor, where: {} });
    await refused(tenant, { cursor, where: {}, orderBy: "createdAt" });
    await refused(tenant, { cursor, from: "a" });
    await refused(tenant, { cursor, where: {} }, memoKind);
    expect((await tenant.repository.list(noteKind, { ...request, limit: 9, cursor })).items).toHaveLength(1);
  });
});

describe("a cursor of any list", () => {
  type Question = Pick<ListRequest<Note>, "where" | "orderBy" | "from">;
  const from = fc.option(fc.constantFrom("", "a", "b"), { nil: undefined });
  const color = fc.constantFrom("red", "blue");
  const question = fc
    .tuple(fc.option(color, { nil: undefined }), fc.constantFrom<"rank" | "createdAt">("rank", "createdAt"), from)
    .map(([of, orderBy, start]): Question => {
      const begin = start === undefined ? {} : { from: start };
      return of === undefined ? { orderBy, ...begin } : { where: { color: of }, orderBy: "rank", ...begin };
    });
  const kinds = fc.constantFrom(noteKind, memoKind);

  it("goes on for the same tenant, kind and question only", async () => {
    const notes = ["red", "red", "blue", "blue"].map((of, at) => ({ color: of, rank: `c${at}` }));
    const [mine, other] = [openScopeForTests(), openScopeForTests()];
    for (const tenant of [mine, other]) for (const kind of [noteKind, memoKind]) await given(tenant, notes, kind);
    const listed = (tenant: TenantScope, kind: typeof noteKind, asked: ListRequest<Note>) =>
      tenant.repository.list(kind, { ...asked, limit: 1 }).then(
        ({ nextCursor }) => nextCursor ?? "",
        (error: unknown) => error as { readonly code: string },
      );
    await fc.assert(
      fc.asyncProperty(kinds, kinds, question, question, fc.boolean(), async (kind, another, asked, changed, swap) => {
        const cursor = await listed(mine, kind, asked);
        // Not a list that is not declared, nor one that is at its end with its first item.
        fc.pre(typeof cursor === "string" && cursor !== "");
        fc.pre(typeof (await listed(other, another, changed)) === "string");
        const next = await listed(swap ? other : mine, another, { ...changed, cursor });
        const same = !swap && kind === another && isDeepStrictEqual(asked, changed);
        expect(next).toEqual(same ? expect.any(String) : expect.objectContaining({ code: "invalid_cursor" }));
      }),
      { numRuns: 40, examples: [[noteKind, noteKind, { orderBy: "rank" }, { orderBy: "rank" }, false]] },
    );
  });

  it("is worth nothing with any byte made any other", async () => {
    const tenant = openScopeForTests();
    await given(tenant, [
      { color: "red", rank: "a" },
      { color: "red", rank: "b" },
    ]);
    const { nextCursor = "" } = await tenant.repository.list(noteKind, { orderBy: "rank", limit: 1 });
    const bytes = Buffer.from(nextCursor, "base64url");
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const changed = Buffer.from(bytes);
        changed.writeUInt8(changed.readUInt8(at) ^ flip, at);
        const list = tenant.repository.list(noteKind, { orderBy: "rank", cursor: changed.toString("base64url") });
        await expect(list).rejects.toMatchObject({ code: "invalid_cursor" });
      }),
      { numRuns: 200 },
    );
  });
});

describe("a database that does not answer", () => {
  it.each([
    ["a point read", "document.read", (tenant: TenantScope) => tenant.repository.find(noteKind, newId("cmt"))],
    ["a query", "document.query", (tenant: TenantScope) => tenant.repository.list(noteKind)],
  ])("is said to be unavailable: %s", async (_name, operation, read) => {
    const tenant = openScopeForTests();
    database.cosmos.faults.add({ status: 449, operation, partitionKey: JSON.stringify([tenant.tenantId]) });
    await expect(read(tenant)).rejects.toMatchObject({ code: "unavailable", details: { retryAfter: 2 } });
  });

  it("is asked again by the SDK while it is only busy", async () => {
    const tenant = openScopeForTests();
    const [id = ""] = await given(tenant, [{ color: "red", rank: "1" }]);
    database.cosmos.faults.add({ status: 429, times: 3, retryAfterMs: 2, operation: "document.read" });
    expect(await tenant.repository.find(noteKind, id)).toBeDefined();
  });
});
