import type { Container, OperationInput } from "@azure/cosmos";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { userAgents } from "./arrival.ts";
import { failureOf, mintToken, TestCosmos } from "./testSupport.ts";

let cosmos: TestCosmos;
beforeAll(async () => {
  cosmos = await TestCosmos.start();
});
afterAll(() => cosmos[Symbol.asyncDispose]());

interface Counter {
  id: string;
  used: number;
}

const create = (id: string, extra: object = {}): OperationInput => ({
  operationType: "Create",
  resourceBody: { id, tenantId: "t1", ...extra },
});

async function statuses(container: Container, operations: OperationInput[]): Promise<(number | undefined)[]> {
  const { result } = await container.items.batch(operations, "t1");
  return (result ?? []).map(({ statusCode }) => statusCode);
}

async function ids(container: Container): Promise<string[]> {
  const { resources } = await container.items
    .query<{ id: string }>("SELECT c.id FROM c", { partitionKey: "t1" })
    .fetchAll();
  return resources.map(({ id }) => id);
}

describe("a transactional batch", () => {
  it("carries out every kind of operation in its order", async () => {
    const container = await cosmos.data("all-kinds");
    await container.items.create({ id: "old", tenantId: "t1" });
    await container.items.create({ id: "counter", tenantId: "t1", used: 1 });
    const response = await container.items.batch(
      [
        create("new", { title: "a" }),
        { operationType: "Upsert", resourceBody: { id: "new", tenantId: "t1", title: "b" } },
        { operationType: "Replace", id: "new", resourceBody: { id: "new", tenantId: "t1", title: "c" } },
        { operationType: "Patch", id: "counter", resourceBody: [{ op: "incr", path: "/used", value: 1 }] },
        { operationType: "Read", id: "counter" },
        { operationType: "Delete", id: "old" },
      ],
      "t1",
    );
    expect(response.code).toBe(200);
    expect(response.result?.map(({ statusCode }) => statusCode)).toEqual([201, 200, 200, 200, 200, 204]);
    expect(response.result?.[4]?.resourceBody).toMatchObject({ used: 2 });
    expect(response.result?.[2]?.eTag).toBe((await container.item("new", "t1").read()).etag);
    expect(await ids(container)).toEqual(["counter", "new"]);
  });

  it.each<[string, number, OperationInput]>([
    ["a conflict", 409, create("taken")],
    ["a missing document", 404, { operationType: "Delete", id: "missing" }],
    ["a foreign partition key", 400, { operationType: "Create", resourceBody: { id: "foreign", tenantId: "t2" } }],
    [
      "a stale ETag",
      412,
      {
        operationType: "Replace",
        id: "taken",
        ifMatch: '"stale"',
        resourceBody: { id: "taken", tenantId: "t1" },
      },
    ],
    [
      "a condition that does not hold",
      412,
      {
        operationType: "Patch",
        id: "taken",
        resourceBody: {
          condition: "from c where c.used < 1",
          operations: [{ op: "incr", path: "/used", value: 1 }],
        },
      },
    ],
  ])("is undone as a whole by %s: its status, 424 for the others, 207 outside", async (name, status, failing) => {
    const container = await cosmos.data(`undone-${name.replaceAll(" ", "-")}`);
    await container.items.create({ id: "taken", tenantId: "t1", used: 1 });
    const operations = [
      create("before"),
      {
        operationType: "Patch",
        id: "taken",
        resourceBody: [{ op: "incr", path: "/used", value: 5 }],
      } as OperationInput,
      failing,
      create("after"),
    ];
    const { code, result } = await container.items.batch(operations, "t1");
    expect(code).toBe(207);
    expect(result?.map(({ statusCode }) => statusCode)).toEqual([424, 424, status, 424]);
    expect(await ids(container)).toEqual(["taken"]);
    expect((await container.item("taken", "t1").read<Counter>()).resource?.used).toBe(1);
  });

  it("checks If-Match per operation", async () => {
    const container = await cosmos.data("if-match");
    const { etag } = await container.items.create({ id: "s1", tenantId: "t1", used: 0 });
    const patch: OperationInput = {
      operationType: "Patch",
      id: "s1",
      ifMatch: etag,
      resourceBody: [{ op: "incr", path: "/used", value: 1 }],
    };
    expect(await statuses(container, [structuredClone(patch)])).toEqual([200]);
    expect(await statuses(container, [structuredClone(patch)])).toEqual([412]);
    const stale = { operationType: "Delete", id: "s1", ifMatch: etag } as OperationInput;
    expect(await statuses(container, [stale])).toEqual([412]);
  });

  it("lets one of two concurrent batches through when both hold the same ETag", async () => {
    const container = await cosmos.data("race");
    const { etag } = await container.items.create({ id: "head", tenantId: "t1" });
    const write = (fact: string) =>
      statuses(container, [
        create(fact),
        { operationType: "Replace", id: "head", ifMatch: etag, resourceBody: { id: "head", tenantId: "t1" } },
      ]);
    const answers = await Promise.all([write("fact-1"), write("fact-2")]);
    expect(answers.map(String).sort()).toEqual(["201,200", "424,412"]);
    expect(await ids(container)).toHaveLength(2);
  });

  it("takes 100 operations", async () => {
    const container = await cosmos.data("hundred");
    const operations = Array.from({ length: 100 }, (_, index) => create(`s${index}`));
    expect(new Set(await statuses(container, operations))).toEqual(new Set([201]));
  });

  it("refuses 101 operations", async () => {
    const container = await cosmos.data("hundred-one");
    const operations = Array.from({ length: 101 }, (_, index) => create(`s${index}`));
    // The SDK stops them itself, so they are sent without it.
    const response = await send(container, operations, { "x-ms-documentdb-partitionkey": '["t1"]' });
    expect(response.status).toBe(400);
    expect(await ids(container)).toEqual([]);
  });

  it("refuses a batch without a partition key", async () => {
    const container = await cosmos.data("no-key");
    expect((await send(container, [create("s1")], {})).status).toBe(400);
  });

  it("refuses more than 2 MB in sum with 413", async () => {
    const container = await cosmos.data("large");
    const title = "x".repeat(700_000);
    const operations = ["s1", "s2", "s3"].map((id) => create(id, { title }));
    expect((await failureOf(container.items.batch(operations, "t1"))).cause).toMatchObject({ code: 413 });
    expect(await ids(container)).toEqual([]);
  });

  it("sees earlier operations of its own", async () => {
    const container = await cosmos.data("own");
    expect(await statuses(container, [create("s1"), { operationType: "Delete", id: "s1" }, create("s1")])).toEqual([
      201, 204, 201,
    ]);
  });
});

function send(container: Container, operations: OperationInput[], headers: Record<string, string>): Promise<Response> {
  return fetch(`${cosmos.service.url}/${container.url}/docs`, {
    method: "POST",
    body: JSON.stringify(operations),
    headers: {
      authorization: `type=aad&ver=1.0&sig=${mintToken(cosmos.service.url)}`,
      "user-agent": userAgents.test,
      "x-ms-cosmos-is-batch-request": "true",
      "x-ms-cosmos-batch-atomic": "true",
      ...headers,
    },
  });
}
