import { setTimeout as delay } from "node:timers/promises";
import { CosmosClient, type IndexingPolicy, PartitionKeyDefinitionVersion, PartitionKeyKind } from "@azure/cosmos";
import { ManagedIdentityCredential } from "@azure/identity";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { startIdentity } from "../identity.ts";
import { userAgents } from "./arrival.ts";
import { clientOf, failureOf, mintToken, TestCosmos } from "./testSupport.ts";

let cosmos: TestCosmos;
beforeAll(async () => {
  cosmos = await TestCosmos.start();
});
afterAll(() => cosmos[Symbol.asyncDispose]());

interface Survey {
  id: string;
  tenantId: string;
  title?: string;
  used?: number;
  tags?: string[];
  ttl?: number;
}

describe("access", () => {
  const readAccount = (token: string): Promise<Response> =>
    fetch(`${cosmos.service.url}/`, { headers: { authorization: `type=aad&ver=1.0&sig=${token}` } });

  it("lets a token for this server in", async () => {
    const response = await readAccount(mintToken(cosmos.service.url));
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ userConsistencyPolicy: { defaultConsistencyLevel: "Strong" } });
  });

  it.each([
    ["without a token", undefined],
    ["with a token for another audience", () => mintToken("https://storage.azure.com")],
    ["with an expired token", () => mintToken(cosmos.service.url, -1)],
    ["with something that is not a token", () => "abc"],
  ])("refuses a request %s with 401", async (_name, token) => {
    const response = token === undefined ? await fetch(`${cosmos.service.url}/`) : await readAccount(token());
    expect(response.status).toBe(401);
  });

  it("lets the managed identity in, with a token from the local identity endpoint", async () => {
    const identity = await startIdentity({ port: 0 });
    for (const [name, value] of Object.entries(identity.settings)) vi.stubEnv(name, String(value));
    const client = clientOf(cosmos.service.url, { aadCredentials: new ManagedIdentityCredential() });
    expect((await client.databases.createIfNotExists({ id: "managed" })).statusCode).toBe(201);
    client.dispose();
    vi.unstubAllEnvs();
    await identity.close();
  });

  it("refuses an account key", async () => {
    const client = new CosmosClient({ endpoint: cosmos.service.url, key: Buffer.from("key").toString("base64") });
    expect(await failureOf(client.database("test").read())).toMatchObject({ code: 401 });
    client.dispose();
  });
});

describe("databases and containers", () => {
  const ascending = (...paths: string[]) => paths.map((path) => ({ path, order: "ascending" as const }));

  it("creates what does not exist and finds it the next time", async () => {
    const first = await cosmos.client.databases.createIfNotExists({ id: "made" });
    const second = await cosmos.client.databases.createIfNotExists({ id: "made" });
    expect([first.statusCode, second.statusCode]).toEqual([201, 200]);
    const definition = { id: "c", partitionKey: { paths: ["/tenantId"] } };
    const third = await first.database.containers.createIfNotExists({ ...definition });
    const fourth = await first.database.containers.createIfNotExists({ ...definition });
    expect([third.statusCode, fourth.statusCode]).toEqual([201, 200]);
    expect(fourth.resource?.partitionKey).toMatchObject({ paths: ["/tenantId"], kind: "Hash" });
  });

  it("keeps a definition whole: key, composite indexes, default TTL", async () => {
    const container = await cosmos.data("definition", { defaultTtl: 60 });
    const { resource } = await container.read();
    expect(resource).toMatchObject({
      defaultTtl: 60,
      partitionKey: { paths: ["/tenantId"], kind: "Hash", version: 2 },
    });
    expect(resource?.indexingPolicy?.compositeIndexes).toHaveLength(1);
  });

  it("lists, replaces and deletes a container", async () => {
    const container = await cosmos.data("short-lived");
    const { resource } = await container.read();
    await container.replace({ ...resource, id: container.id, defaultTtl: 5 });
    expect((await container.read()).resource?.defaultTtl).toBe(5);
    const listed = await cosmos.client.database("test").containers.readAll().fetchAll();
    expect(listed.resources.map(({ id }) => id)).toContain("short-lived");
    await container.delete();
    expect(await failureOf(container.read())).toMatchObject({ code: 404 });
  });

  it.each([
    ["names composite indexes only", { compositeIndexes: [ascending("/a", "/b")] }],
    ["includes something else", { includedPaths: [{ path: "/a/?" }] }],
    ["excludes something else", { excludedPaths: [{ path: '/"_etag"/?' }] }],
  ] satisfies [string, IndexingPolicy][])(
    "refuses an indexing policy that leaves out the root: %s",
    async (_what, indexingPolicy) => {
      const { database } = await cosmos.client.databases.createIfNotExists({ id: "test" });
      const definition = { id: "rootless", partitionKey: { paths: ["/a"] }, indexingPolicy };
      expect(await failureOf(database.containers.create(definition))).toMatchObject({ code: 400 });
    },
  );

  it("refuses what it would not keep: unique keys", async () => {
    const { database } = await cosmos.client.databases.createIfNotExists({ id: "test" });
    const definition = {
      id: "unique",
      partitionKey: { paths: ["/a"] },
      uniqueKeyPolicy: { uniqueKeys: [{ paths: ["/b"] }] },
    };
    expect(await failureOf(database.containers.create(definition))).toMatchObject({ code: 400 });
  });

  it("refuses a document in a container that does not exist", async () => {
    const missing = cosmos.client.database("test").container("missing");
    expect(await failureOf(missing.items.create({ id: "a", tenantId: "t" }))).toMatchObject({ code: 404 });
  });
});

describe("documents", () => {
  it("creates, reads, replaces and deletes, with ETag, charge and session token", async () => {
    const { items, item } = await points("crud");
    const created = await items.create<Survey>({ id: "s1", tenantId: "t1", title: "Kitchen" });
    expect(created.statusCode).toBe(201);
    expect(created.requestCharge).toBeGreaterThan(0);
    expect(created.headers["x-ms-session-token"]).toMatch(/^0:-1#\d+$/);
    expect(created.resource).toMatchObject({ id: "s1", _etag: created.etag });

    const replaced = await item("s1").replace({ id: "s1", tenantId: "t1", title: "Bath" });
    expect(replaced.etag).not.toBe(created.etag);
    const read = await item("s1").read<Survey>();
    expect(read.resource).toMatchObject({ title: "Bath", _etag: replaced.etag });
    expect(read.resource?._ts).toBeCloseTo(Date.now() / 1000, -1);

    expect((await item("s1").delete()).statusCode).toBe(204);
    expect((await item("s1").read()).statusCode).toBe(404);
  });

  it("answers 409 to a second create, 404 to a write on what is not there", async () => {
    const { items, item } = await points("codes");
    await items.create({ id: "s1", tenantId: "t1" });
    expect(await failureOf(items.create({ id: "s1", tenantId: "t1" }))).toMatchObject({ code: 409 });
    expect(await failureOf(item("none").replace({ id: "none", tenantId: "t1" }))).toMatchObject({ code: 404 });
    expect(await failureOf(item("none").delete())).toMatchObject({ code: 404 });
    expect(await failureOf(item("none").patch([{ op: "set", path: "/a", value: 1 }]))).toMatchObject({ code: 404 });
  });

  it("creates or overwrites by upsert", async () => {
    const { items } = await points("upsert");
    expect((await items.upsert({ id: "s1", tenantId: "t1", title: "a" })).statusCode).toBe(201);
    expect((await items.upsert({ id: "s1", tenantId: "t1", title: "b" })).statusCode).toBe(200);
  });

  it("keeps one id apart in two partitions", async () => {
    const { container, items } = await points("two-partitions");
    await items.create({ id: "same", tenantId: "t1", title: "one" });
    await items.create({ id: "same", tenantId: "t2", title: "two" });
    await container.item("same", "t1").delete();
    expect((await container.item("same", "t1").read()).statusCode).toBe(404);
    expect((await container.item("same", "t2").read<Survey>()).resource?.title).toBe("two");
  });

  it("finds nothing when the key is left out", async () => {
    const { container, items } = await points("no-key");
    await items.create({ id: "s1", tenantId: "t1" });
    expect((await container.item("s1").read()).statusCode).toBe(404);
  });

  it("refuses a point read without a partition key header, or with one that is too long", async () => {
    const { container, items } = await points("key-header");
    await items.create({ id: "s1", tenantId: "t1" });
    const read = (headers: Record<string, string>): Promise<Response> =>
      fetch(`${cosmos.service.url}/${container.url}/docs/s1`, {
        headers: {
          authorization: `type=aad&ver=1.0&sig=${mintToken(cosmos.service.url)}`,
          "user-agent": userAgents.test,
          ...headers,
        },
      });
    expect((await read({})).status).toBe(400);
    expect((await read({ "x-ms-documentdb-partitionkey": '["t1","2026-11"]' })).status).toBe(400);
    expect((await read({ "x-ms-documentdb-partitionkey": '["t1"]' })).status).toBe(200);
  });

  it("refuses a body whose key differs from the addressed partition", async () => {
    const { items, item } = await points("foreign-key");
    await items.create({ id: "s1", tenantId: "t1" });
    const failure = await failureOf(item("s1").replace({ id: "s1", tenantId: "t2" }));
    expect(failure).toMatchObject({ code: 400, substatus: 1001 });
  });

  it("checks If-Match on replace, upsert, patch and delete", async () => {
    const { items, item } = await points("if-match");
    const { etag } = await items.create({ id: "s1", tenantId: "t1" });
    await item("s1").replace({ id: "s1", tenantId: "t1" }, { accessCondition: { type: "IfMatch", condition: etag } });
    const stale = { accessCondition: { type: "IfMatch", condition: etag } };
    const body = { id: "s1", tenantId: "t1" };
    for (const call of [
      () => item("s1").replace(body, stale),
      () => items.upsert(body, stale),
      () => item("s1").patch([{ op: "set", path: "/title", value: "x" }], stale),
      () => item("s1").delete(stale),
    ]) {
      expect(await failureOf(call())).toMatchObject({ code: 412 });
    }
  });

  it("answers 304 to If-None-Match with the current ETag", async () => {
    const { items, item } = await points("if-none-match");
    const { etag } = await items.create({ id: "s1", tenantId: "t1" });
    const read = await item("s1").read({ accessCondition: { type: "IfNoneMatch", condition: etag } });
    expect(read.statusCode).toBe(304);
  });

  it("refuses more than 2 MB with 413 and takes a little less", async () => {
    const { items } = await points("size");
    const title = "x".repeat(2 * 1024 * 1024 - 200);
    expect((await items.create({ id: "fits", tenantId: "t1", title })).statusCode).toBe(201);
    const tooMuch = { id: "large", tenantId: "t1", title: "x".repeat(2 * 1024 * 1024) };
    expect(await failureOf(items.create(tooMuch))).toMatchObject({ code: 413 });
  });

  it("keeps ids and keys of any script, and treats a stored __proto__ as data", async () => {
    const { container, items } = await points("script");
    const body = JSON.parse('{"id":"übung 1","tenantId":"Zürich 東京","__proto__":{"a":1}}') as Survey;
    await items.create(body);
    const { resource } = await container.item("übung 1", "Zürich 東京").read<Survey>();
    expect(resource).toMatchObject({ id: "übung 1", tenantId: "Zürich 東京" });
  });

  it("sees the partition key in a client plugin, where the tenant guard stands", async () => {
    const seen: unknown[] = [];
    const plugins = [
      {
        on: "request",
        plugin: (
          context: { operationType: string; partitionKey?: unknown },
          _node: unknown,
          next: (c: unknown) => unknown,
        ) => {
          seen.push([context.operationType, context.partitionKey]);
          return next(context);
        },
      },
    ];
    const client = clientOf(cosmos.service.url, { plugins } as Parameters<typeof clientOf>[1]);
    await points("guard");
    const container = client.database("test").container("guard");
    await container.items.create({ id: "s1", tenantId: "t1" });
    await container.item("s1", "t1").read();
    await container.items.batch([{ operationType: "Delete", id: "s1" }], "t1");
    client.dispose();
    expect(seen).toEqual(
      expect.arrayContaining([
        ["create", ["t1"]],
        ["read", ["t1"]],
        ["batch", ["t1"]],
      ]),
    );
  });

  async function points(id: string) {
    const container = await cosmos.data(id);
    return { container, items: container.items, item: (name: string) => container.item(name, "t1") };
  }
});

describe("patch", () => {
  it("adds, sets, replaces, removes and increments", async () => {
    const container = await cosmos.data("patch");
    await container.items.create({ id: "s1", tenantId: "t1", used: 1, tags: ["a", "c"], title: "x", old: 1 });
    const { resource } = await container.item("s1", "t1").patch<Survey>([
      { op: "add", path: "/tags/1", value: "b" },
      { op: "add", path: "/tags/-", value: "d" },
      { op: "set", path: "/nested", value: { deep: true } },
      { op: "replace", path: "/title", value: "y" },
      { op: "remove", path: "/old" },
      { op: "incr", path: "/used", value: 2 },
      { op: "incr", path: "/fresh", value: 5 },
    ]);
    expect(resource).toMatchObject({
      tags: ["a", "b", "c", "d"],
      title: "y",
      used: 3,
      fresh: 5,
      nested: { deep: true },
    });
    expect(resource).not.toHaveProperty("old");
  });

  it("applies only while its condition holds: a quota of two", async () => {
    const container = await cosmos.data("patch-condition");
    await container.items.create({ id: "quota", tenantId: "t1", used: 0 });
    const take = () =>
      container
        .item("quota", "t1")
        .patch({ condition: "from c where c.used < 2", operations: [{ op: "incr", path: "/used", value: 1 }] });
    await take();
    await take();
    expect(await failureOf(take())).toMatchObject({ code: 412 });
  });

  it("changes nothing when one operation fails", async () => {
    const container = await cosmos.data("patch-atomic");
    await container.items.create({ id: "s1", tenantId: "t1", used: 1 });
    const patch = container.item("s1", "t1").patch([
      { op: "incr", path: "/used", value: 1 },
      { op: "remove", path: "/missing" },
    ]);
    expect(await failureOf(patch)).toMatchObject({ code: 400 });
    expect((await container.item("s1", "t1").read<Survey>()).resource?.used).toBe(1);
  });

  it.each(["/id", "/tenantId", "/_etag"])("refuses to change %s", async (path) => {
    const container = await cosmos.data("patch-protected");
    await container.items.upsert({ id: "s1", tenantId: "t1" });
    const patch = container.item("s1", "t1").patch([{ op: "set", path, value: "other" }]);
    expect(await failureOf(patch)).toMatchObject({ code: 400 });
  });

  it("refuses more than ten operations", async () => {
    const container = await cosmos.data("patch-many");
    await container.items.create({ id: "s1", tenantId: "t1" });
    const operations = Array.from({ length: 11 }, (_, index) => ({ op: "set" as const, path: `/p${index}`, value: 1 }));
    expect(await failureOf(container.item("s1", "t1").patch(operations))).toMatchObject({ code: 400 });
  });
});

describe("time to live", () => {
  it("hides an expired item from reads and queries, and lets its id be used again", async () => {
    const container = await cosmos.data("ttl", { defaultTtl: -1 });
    await container.items.create({ id: "brief", tenantId: "t1", ttl: 1 });
    await container.items.create({ id: "lasting", tenantId: "t1" });
    expect((await container.item("brief", "t1").read()).statusCode).toBe(200);
    await delay(1100);
    expect((await container.item("brief", "t1").read()).statusCode).toBe(404);
    const { resources } = await container.items.query("SELECT c.id FROM c", { partitionKey: "t1" }).fetchAll();
    expect(resources).toEqual([{ id: "lasting" }]);
    expect((await container.items.create({ id: "brief", tenantId: "t1", ttl: 60 })).statusCode).toBe(201);
  });

  it("lets -1 outlast the container's default", async () => {
    const container = await cosmos.data("ttl-default", { defaultTtl: 1 });
    await container.items.create({ id: "brief", tenantId: "t1" });
    await container.items.create({ id: "lasting", tenantId: "t1", ttl: -1 });
    await delay(1100);
    expect((await container.item("brief", "t1").read()).statusCode).toBe(404);
    expect((await container.item("lasting", "t1").read()).statusCode).toBe(200);
  });

  it("ignores an item's ttl when the container has none", async () => {
    const container = await cosmos.data("ttl-off");
    await container.items.create({ id: "s1", tenantId: "t1", ttl: 1 });
    await delay(1100);
    expect((await container.item("s1", "t1").read()).statusCode).toBe(200);
  });

  it("refuses 0", async () => {
    const container = await cosmos.data("ttl-zero", { defaultTtl: -1 });
    expect(await failureOf(container.items.create({ id: "s1", tenantId: "t1", ttl: 0 }))).toMatchObject({ code: 400 });
  });
});

describe("hierarchical partitions", () => {
  const log = () =>
    cosmos.container({
      id: "log",
      partitionKey: {
        paths: ["/tenantId", "/month"],
        kind: PartitionKeyKind.MultiHash,
        version: PartitionKeyDefinitionVersion.V2,
      },
    });

  it("never shows a month or a tenant to another", async () => {
    const container = await log();
    for (const [tenantId, month] of [
      ["t1", "2026-10"],
      ["t1", "2026-11"],
      ["t2", "2026-11"],
    ]) {
      await container.items.create({ id: "evt_1", tenantId, month, at: `${String(tenantId)} ${String(month)}` });
    }
    const read = await container.item("evt_1", ["t1", "2026-11"]).read<{ at: string }>();
    expect(read.resource?.at).toBe("t1 2026-11");
    const query = container.items.query<{ at: string }>("SELECT c.at FROM c", { partitionKey: ["t2", "2026-11"] });
    expect((await query.fetchAll()).resources).toEqual([{ at: "t2 2026-11" }]);
    await container.item("evt_1", ["t1", "2026-10"]).delete();
    expect((await container.item("evt_1", ["t1", "2026-11"]).read()).statusCode).toBe(200);
  });

  it("refuses a point operation or a batch with the first level only, and queries its months", async () => {
    const container = await log();
    await container.items.create({ id: "evt_2", tenantId: "t3", month: "2026-11" });
    await container.items.create({ id: "evt_3", tenantId: "t3", month: "2026-12" });
    expect(await failureOf(container.item("evt_2", ["t3"]).read())).toMatchObject({ code: 400 });
    const batch = container.items.batch([{ operationType: "Read", id: "evt_2" }], ["t3"]);
    expect((await failureOf(batch)).cause).toMatchObject({ code: 400 });
    const months = container.items.query<{ id: string }>("SELECT c.id FROM c", { partitionKey: ["t3"] });
    expect((await months.fetchAll()).resources).toHaveLength(2);
  });
});
