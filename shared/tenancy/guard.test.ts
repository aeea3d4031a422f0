import { PartitionKeyBuilder } from "@azure/cosmos";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dataContainer, logContainer } from "./database.ts";
import { databaseReady } from "./databaseReady.ts";
import { newTenantId, databaseOfFileForTests } from "./databaseForTests.ts";
import { activityId } from "./activityId.ts";
import { admit } from "./admit.ts";
import { TenancyViolation, boundary, lookingUp, openBoundary } from "./boundary.ts";
import { guard, guardCountsForTests, within } from "./guard.ts";
import { defineKind } from "./kind.ts";
import { lookUp } from "./lookUp.ts";
import { openScope } from "./openScope.ts";
import { TenantRepository } from "./repository.ts";

const database = databaseOfFileForTests();

const mine = newTenantId();
const other = newTenantId();
const month = "2026-03";
const query = "SELECT * FROM c WHERE c.tenantId = @tenantId AND c.kind = @kind";
const parameters = (tenantId: string) => [
  { name: "@tenantId", value: tenantId },
  { name: "@kind", value: "note" },
];
const item = (id: string, tenantId = mine) => ({ id, tenantId, kind: "note", schemaVersion: 1 });
const noteKind = defineKind<object>("note", { schemaVersion: 1, fields: {} });

type Partition = readonly [tenantId: string, ...levels: string[]];

/** A run that these tenants were admitted to. */
const inRun = <T>(tenantIds: readonly string[], work: () => Promise<T>) =>
  openBoundary("request-1", async () => {
    tenantIds.forEach(admit);
    return await work();
  });

/** A call that a scope makes for a partition, in a run for its tenant. */
const inScope = <T>(partition: Partition, call: () => Promise<T>) =>
  inRun([partition[0]], () => within(partition, call));

/** Every way to an item that the SDK has, of a tenant. */
const ways: Record<string, (tenantId: string) => Promise<unknown>> = {
  read: (tenantId) => dataContainer().item("a", tenantId).read(),
  create: (tenantId) => dataContainer().items.create(item("b", tenantId)),
  upsert: (tenantId) => dataContainer().items.upsert(item("a", tenantId)),
  replace: (tenantId) => dataContainer().item("a", tenantId).replace(item("a", tenantId)),
  patch: (tenantId) =>
    dataContainer()
      .item("a", tenantId)
      .patch([{ op: "set", path: "/x", value: 1 }]),
  delete: (tenantId) => dataContainer().item("b", tenantId).delete(),
  query: (tenantId) =>
    dataContainer()
      .items.query({ query, parameters: parameters(tenantId) }, { partitionKey: tenantId })
      .fetchAll(),
  batch: (tenantId) =>
    dataContainer().items.batch(
      [
        { operationType: "Upsert", resourceBody: item("a", tenantId) },
        { operationType: "Patch", id: "a", resourceBody: { operations: [{ op: "set", path: "/x", value: 2 }] } },
        { operationType: "Read", id: "a" },
        { operationType: "Delete", id: "a" },
        { operationType: "Create", resourceBody: item("a", tenantId) },
      ],
      [tenantId],
    ),
};

/** Ways that nobody takes, in any scope. */
const closedWays: Record<string, () => Promise<unknown>> = {
  "every item": () => dataContainer().items.readAll({ partitionKey: mine }).fetchAll(),
  "the change feed": () => dataContainer().items.getChangeFeedIterator({}).readNext(),
  "a bulk of operations": () =>
    dataContainer().items.executeBulkOperations([
      { operationType: "Create", partitionKey: mine, resourceBody: item("c") },
    ]),
  "a stored procedure": () => dataContainer().scripts.storedProcedure("p").execute(mine),
  "a new stored procedure": () => dataContainer().scripts.storedProcedures.create({ id: "p", body: "" }),
  "the whole partition's deletion": () => dataContainer().deleteAllItemsForPartitionKey(mine),
  conflicts: () => dataContainer().conflicts.readAll().fetchAll(),
  "the container's deletion": () => dataContainer().delete(),
  "a new container": () => dataContainer().database.containers.create({ id: "x" }),
  "the throughput": () => dataContainer().readOffer(),
};

const documents = () =>
  database.cosmos.requests
    .records()
    .filter(({ operation }) => operation.startsWith("document.") && operation !== "document.queryPlan").length;

/**
 * Runs a call that the guard must stop, and sees that nothing arrived. The SDK words the refusal as it likes, and files it
 * among the results of a bulk.
 */
async function expectStopped(call: () => Promise<unknown>): Promise<void> {
  const [arrived, { refused }] = [documents(), guardCountsForTests()];
  await call().catch(() => undefined);
  expect(guardCountsForTests().refused).toBeGreaterThan(refused);
  expect(documents()).toBe(arrived);
}

describe("in a tenant's scope", () => {
  it("lets the tenant's own requests pass, and the SDK's own before them", async () => {
    for (const [name, way] of Object.entries(ways))
      await expect(
        inScope([mine], () => way(mine)),
        name,
      ).resolves.toBeDefined();
    expect(await inScope([mine], () => ways["batch"]?.(mine) ?? Promise.reject(new Error()))).toMatchObject({
      code: 200,
    });
  });

  it.each(Object.keys(ways))("stops a %s for another tenant, also for one that the run is for, too", async (name) => {
    const call = () => within([mine], () => ways[name]?.(other) ?? Promise.resolve());
    await expectStopped(() => inRun([mine], call));
    await expectStopped(() => inRun([mine, other], call));
  });

  it.each(Object.keys(closedWays))("stops %s", async (name) => {
    await expectStopped(() => inScope([mine], () => closedWays[name]?.() ?? Promise.resolve()));
  });

  it("stops an item that says it is another tenant's, alone and in a batch", async () => {
    const foreign = item("f", other);
    const key = [mine];
    const operations = [
      { operationType: "Create", resourceBody: foreign },
      { operationType: "Upsert", resourceBody: foreign },
      { operationType: "Replace", id: "f", resourceBody: foreign },
      { operationType: "Create", resourceBody: { id: "f", kind: "note" } },
      { operationType: "Delete", id: "f", partitionKey: other },
    ] as const;
    for (const operation of operations)
      await expectStopped(() =>
        inScope([mine], () =>
          dataContainer().items.batch(
            [{ operationType: "Upsert", resourceBody: item("a") }, operation] as Parameters<
              ReturnType<typeof dataContainer>["items"]["batch"]
            >[0],
            key,
          ),
        ),
      );
    await expectStopped(() => inScope([mine], () => dataContainer().item("a", mine).replace(foreign)));
  });

  it("stops queries that are not bound to the tenant", async () => {
    const texts = [
      "SELECT * FROM c",
      "SELECT * FROM c WHERE c.kind = @kind",
      "SELECT * FROM c WHERE c.tenantId = @tenantId",
      "SELECT * FROM c WHERE c.kind = @kind OR c.tenantId = @tenantId AND c.kind = @kind",
      "SELECT * FROM c WHERE NOT c.tenantId = @tenantId AND c.kind = @kind",
      "SELECT * FROM c JOIN (SELECT * FROM c WHERE c.tenantId = @tenantId AND true) WHERE c.kind = @kind",
      "SELECT * FROM c -- WHERE c.tenantId = @tenantId AND c.kind = @kind",
    ];
    const ask = (text: string, with_ = parameters(mine)) =>
      inScope([mine], () =>
        dataContainer().items.query({ query: text, parameters: with_ }, { partitionKey: mine }).fetchAll(),
      );
    for (const text of texts) await expectStopped(() => ask(text));
    await expectStopped(() => ask(query, parameters(other)));
    await expectStopped(() => ask(query, []));
    await expectStopped(() => ask(query, [...parameters(mine), { name: "@tenantId", value: other }]));
    await expectStopped(() => inScope([mine], () => dataContainer().items.query(query).fetchAll()));
  });

  it("stops a query across partitions", async () => {
    await expectStopped(() =>
      inScope([mine], () =>
        dataContainer()
          .items.query({ query, parameters: parameters(mine) })
          .fetchAll(),
      ),
    );
  });
});

describe("outside of any scope", () => {
  it.each(Object.keys(ways))("stops a %s", async (name) => {
    await expectStopped(() => inRun([mine], () => ways[name]?.(mine) ?? Promise.resolve()));
  });

  it("lets what describes a container pass", async () => {
    await expect(databaseReady()).resolves.toBeUndefined();
    database.cosmos.faults.add({ operation: "container.read", status: 403 });
    await expect(databaseReady()).rejects.toMatchObject({ code: 403 });
  });
});

describe("a run", () => {
  it.each(Object.keys(ways))("stops a %s that a scope for the wrong tenant makes", async (name) => {
    await expectStopped(() => inRun([mine], () => within([other], () => ways[name]?.(other) ?? Promise.resolve())));
  });

  it("stops a repository that was made for the wrong tenant", async () => {
    const find = (tenantId: string) => () => new TenantRepository(tenantId).find(noteKind, "a");
    await expectStopped(() => inRun([mine], find(other)));
    await expect(inRun([mine], find(mine))).resolves.toMatchObject({ id: "a" });
  });

  it("opens no scope for a tenant that was not admitted", async () => {
    const open = (tenantId: string) => () => {
      const { tenantId: opened } = openScope({
        tenantId,
        action: "test",
        requestId: "r",
        actor: { type: "system", id: "t" },
      });
      return Promise.resolve(opened);
    };
    expect(await inRun([mine], open(mine))).toBe(mine);
    await expect(inRun([mine], async () => await open(other)())).rejects.toThrow(TenancyViolation);
    await expect((async () => await open(mine)())()).rejects.toThrow(TenancyViolation);
    await expect(inRun(["nobody"], async () => await open("nobody")())).rejects.toThrow(TypeError);
  });

  it("opens a scope that is the tenant's in every part", async () => {
    await inRun([mine, other], async () => {
      const facts = { action: "test", requestId: "r", actor: { type: "system", id: "t" } } as const;
      const [scope, foreign] = [mine, other].map((tenantId) => openScope({ ...facts, tenantId }));
      expect(scope).toMatchObject({ ...facts, tenantId: mine, repository: { tenantId: mine } });
      const text = (await scope?.protector("use").protect("secret")) ?? "";
      expect(String(await scope?.protector("use").unprotect(text))).toBe("secret");
      await expect(scope?.protector("another").unprotect(text)).rejects.toThrow();
      await expect(foreign?.protector("use").unprotect(text)).rejects.toThrow();
    });
  });

  it("knows nothing of the tenants of another that goes on at the same time", async () => {
    const read = () => within([other], () => ways["read"]?.(other) ?? Promise.resolve());
    await inRun([other], async () => {
      await expectStopped(() => inRun([mine], read));
      await expect(read()).resolves.toBeDefined();
    });
  });

  it("is where a request has to come from, and a tenant be admitted", async () => {
    for (const way of Object.values(ways)) await expectStopped(() => within([mine], () => way(mine)));
    expect(() => {
      admit(mine);
    }).toThrow(TenancyViolation);
  });

  it("counts its own requests, and tells the database which request caused them", async () => {
    const { latest } = database.cosmos.requests;
    await inRun([mine], async () => {
      await within([mine], () => ways["read"]?.(mine) ?? Promise.resolve());
      await expectStopped(() => within([mine], () => ways["read"]?.(other) ?? Promise.resolve()));
      expect(boundary().counts).toEqual({ requests: 2, refused: 1 });
    });
    const arrived = database.cosmos.requests.records({ since: latest }).filter(({ id }) => id === "a");
    expect(arrived.map((record) => record.activityId)).toEqual([activityId("request-1")]);
  });
});

describe("a lookup before a credential is verified", () => {
  it("reads the one item, of a tenant that nobody was admitted for, and opens nothing else", async () => {
    await inScope([other], () => dataContainer().items.upsert(item("looked-up", other)));
    const found = inRun([mine], () => lookUp(noteKind, other, "looked-up"));
    await expect(found).resolves.toMatchObject({ id: "looked-up" });
    await expect(lookUp(noteKind, other, "looked-up")).rejects.toThrow(TenancyViolation);
    await inRun([mine], async () => {
      await lookUp(noteKind, other, "looked-up");
      await expectStopped(() => new TenantRepository(other).find(noteKind, "looked-up"));
    });
  });

  it.each(Object.keys(ways))("is no %s, but for the one that it is for", async (name) => {
    const looking = (id: string, tenantId: string) =>
      inRun([mine], () =>
        lookingUp({ tenantId, id }, () => within([other], () => ways[name]?.(other) ?? Promise.resolve())),
      );
    if (name === "read") await expect(looking("a", other)).resolves.toBeDefined();
    else await expectStopped(() => looking("a", other));
    await expectStopped(() => looking("b", other));
    await expectStopped(() => looking("", other));
    await expectStopped(() => looking("a", mine));
  });
});

describe("the log's container", () => {
  const entry = (id: string) => ({ id, tenantId: mine, month, kind: "logEntry" });
  const create = (scope: readonly [string, ...string[]], id: string) =>
    inScope(scope, () => logContainer().items.create(entry(id)));

  it("is reached with both levels of its key", async () => {
    await expect(create([mine, month], "evt_1")).resolves.toMatchObject({ statusCode: 201 });
    const read = inScope([mine, month], () => logContainer().item("evt_1", [mine, month]).read());
    await expect(read).resolves.toMatchObject({ resource: entry("evt_1") });
  });

  it("is not reached with one of them, another month or another tenant's", async () => {
    for (const scope of [[mine], [mine, "2026-04"], [other, month]] as const)
      await expectStopped(() => create(scope, "evt_2"));
    const prefix = new PartitionKeyBuilder().addValue(mine).build();
    const whole = () =>
      logContainer()
        .items.query({ query, parameters: parameters(mine) }, { partitionKey: prefix })
        .fetchAll();
    await expectStopped(() => inScope([mine, month], whole));
  });
});

it("keeps scopes that run at the same time apart", async () => {
  const tenants = Array.from({ length: 20 }, newTenantId);
  const made = await Promise.all(
    tenants.map((tenantId) => inScope([tenantId], () => dataContainer().items.create(item("same", tenantId)))),
  );
  expect(made.map(({ resource }) => resource?.tenantId)).toEqual(tenants);
});

describe("a refusal says why", () => {
  const plain = { method: "POST", resourceType: "docs", operationType: "create", body: item("a") };
  const keyed = (key: unknown, more: object = {}) => ({
    ...{ ...plain, headers: { "x-ms-documentdb-partitionkey": key } },
    ...more,
  });
  const ofMine = (more: object) => keyed(JSON.stringify([mine]), more);
  const refusal = (request: object) => () => {
    guard(request);
    return Promise.resolve();
  };
  const inMine = (request: object) => inScope([mine], refusal(request));
  const batchOf = (...operations: unknown[]) => ofMine({ operationType: "batch", body: operations });
  const queryOf = (body: unknown) => ofMine({ operationType: "query", body });

  it.each<[string, () => Promise<unknown>]>([
    [
      "outside of any boundary",
      async () => {
        await refusal(ofMine({}))();
      },
    ],
    ["for a tenant not admitted", () => inRun([other], refusal(ofMine({})))],
    ["for a tenant not admitted", () => inMine(plain)],
    ["for a tenant not admitted", () => inMine(keyed("[]"))],
    ["for a tenant not admitted", () => inMine(keyed("[{}]"))],
    ["outside a tenant's scope", () => inRun([mine], refusal(ofMine({})))],
    ["for another partition than the scope's", () => inMine(keyed(JSON.stringify([mine, month])))],
    [
      "more than a credential's lookup",
      () => openBoundary("r", () => lookingUp({ tenantId: mine, id: "a" }, refusal(ofMine({ operationType: "read" })))),
    ],
    ["query without the tenant predicate", () => inMine(queryOf({ query, parameters: [] }))],
    ["query without the tenant predicate", () => inMine(queryOf({ query: [query], parameters: parameters(mine) }))],
    ["query without the tenant predicate", () => inMine(queryOf({ query }))],
    ["query without the tenant predicate", () => inMine(queryOf(undefined))],
    ["query without the tenant predicate", () => inMine(queryOf({ query: ` ${query}`, parameters: parameters(mine) }))],
    ["batch operation for another tenant", () => inMine(batchOf(null, { operationType: "Create" }))],
    ["batch operation for another tenant", () => inMine(ofMine({ operationType: "batch", body: {} }))],
    ["item of another tenant", () => inMine(ofMine({ body: undefined }))],
    ["item of another tenant", () => inMine(ofMine({ operationType: "replace", body: item("a", other) }))],
    [
      "item of another tenant",
      () => inMine(ofMine({ operationType: "upsert", body: JSON.stringify(item("a", other)) })),
    ],
    ["unexpected operation execute", () => inMine(ofMine({ operationType: "execute" }))],
    ["unexpected operation undefined", () => inMine(ofMine({ operationType: undefined }))],
    ["unexpected resource sprocs", () => inMine(ofMine({ resourceType: "sprocs" }))],
  ])("%s", async (why, call) => {
    const refused = expect((async () => await call())()).rejects;
    await refused.toThrow(why);
    await refused.toBeInstanceOf(TenancyViolation);
  });

  it("and lets pass what is the tenant's own, as an object or as text", async () => {
    const passing = [
      ofMine({}),
      ofMine({ body: JSON.stringify(item("a")) }),
      ...["upsert", "replace"].map((operationType) => ofMine({ operationType })),
      ...["read", "delete", "patch"].map((operationType) => ofMine({ operationType, body: undefined })),
      queryOf({ query, parameters: parameters(mine) }),
      queryOf({ query: query.replace("SELECT *", "SELECT TOP 100 *"), parameters: parameters(mine) }),
      batchOf(null, { operationType: "Delete", id: "a", partitionKey: JSON.stringify([mine]) }),
    ];
    for (const request of passing) await expect(inMine(request)).resolves.toBeUndefined();
  });

  it("for whatever describes the account is none, as long as it is read", async () => {
    for (const resourceType of ["", "dbs", "colls", "pkranges"]) {
      for (const operationType of ["read", "query"]) guard({ resourceType, operationType });
      const written = refusal({ resourceType, operationType: "create" });
      await expect(inRun([mine], written)).rejects.toThrow(`unexpected resource ${resourceType}`);
    }
    for (const request of [{}, { operationType: "read" }, { resourceType: "dbs" }])
      await expect(inRun([mine], refusal(request))).rejects.toThrow(TenancyViolation);
  });
});

it("lets a request pass where its key is the scope's, of an admitted tenant, and nowhere else", async () => {
  const tenant = fc.constantFrom(mine, other, "platform", "");
  const level = fc.option(fc.constantFrom(month, "2026-04"), { nil: undefined });
  const key = fc.tuple(tenant, level).map(([id, of]): Partition => (of === undefined ? [id] : [id, of]));
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(tenant), key, key, async (admitted, scope, asked) => {
      const headers = { "x-ms-documentdb-partitionkey": JSON.stringify(asked) };
      const asking = () => {
        guard({ resourceType: "docs", operationType: "read", headers });
        return Promise.resolve();
      };
      const passes = await inRun(admitted, async () => {
        await within(scope, async () => {
          await asking();
        });
      }).then(
        () => true,
        (error: unknown) => !(error instanceof TenancyViolation),
      );
      expect(passes).toBe(admitted.includes(asked[0]) && JSON.stringify(scope) === JSON.stringify(asked));
    }),
  );
});

it("takes nothing for a query plan that could change an item, and counts what it refused", () => {
  const before = guardCountsForTests();
  const headers = { "x-ms-cosmos-is-query-plan-request": "True" };
  guard({ method: "POST", resourceType: "docs", operationType: "read", headers });
  for (const [method, operationType] of [
    ["DELETE", "delete"],
    ["POST", "create"],
    ["POST", "batch"],
    ["GET", "read"],
    ["POST", "query"],
  ] as const)
    expect(() => {
      guard({ method, resourceType: "docs", operationType, headers });
    }, operationType).toThrow(TenancyViolation);
  expect(guardCountsForTests()).toEqual({ requests: before.requests + 5, refused: before.refused + 5 });
});
