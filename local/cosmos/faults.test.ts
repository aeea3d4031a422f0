import { ConsistencyLevel, type Container, type RequestOptions } from "@azure/cosmos";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { activityId } from "../../shared/tenancy/activityId.ts";
import { userAgents } from "./arrival.ts";
import { failureOf, mintToken, TestCosmos } from "./testSupport.ts";

let cosmos: TestCosmos;
let container: Container;
beforeAll(async () => {
  cosmos = await TestCosmos.start();
  container = await cosmos.data("data");
  // The client learns the container's definition, so that only document requests follow.
  await container.items.upsert({ id: "known", tenantId: "t1" });
});
afterAll(() => cosmos[Symbol.asyncDispose]());
afterEach(() => {
  cosmos.service.faults.clear();
});

const create = (id: string) => container.items.create({ id, tenantId: "t1" });
const exists = async (id: string): Promise<boolean> => (await container.item(id, "t1").read()).statusCode === 200;
const admin = (method: string, path: string, body?: unknown): Promise<Response> =>
  fetch(`${cosmos.service.url}/_local/${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

describe("a fault", () => {
  it("429: the SDK waits as told and succeeds", async () => {
    cosmos.service.faults.add({ status: 429, times: 2, retryAfterMs: 5, operation: "document.create" });
    const { headers } = await create("throttled");
    expect(headers["x-ms-throttle-retry-count"]).toBe(2);
  });

  it.each([449, 503, 410])("%d on a write reaches the caller, and nothing was written", async (status) => {
    cosmos.service.faults.add({ status, operation: "document.create" });
    expect(await failureOf(create(`refused-${status}`))).toMatchObject({ code: status });
    expect(await exists(`refused-${status}`)).toBe(false);
  });

  it("cuts the connection before a write", async () => {
    cosmos.service.faults.add({ status: "reset", operation: "document.create" });
    expect(await failureOf(create("cut-before"))).toMatchObject({ code: "ECONNRESET" });
    expect(await exists("cut-before")).toBe(false);
  });

  it("loses the answer of a write that happened", async () => {
    cosmos.service.faults.add({ status: "reset", after: true, operation: "document.create" });
    expect(await failureOf(create("cut-after"))).toMatchObject({ code: "ECONNRESET" });
    expect(await exists("cut-after")).toBe(true);
  });

  it("fails one operation of a batch, and the others because of it", async () => {
    cosmos.service.faults.add({ status: 449, batchIndex: 1, operation: "document.batch" });
    const operations = ["one", "two", "three"].map((id) => ({
      operationType: "Create" as const,
      resourceBody: { id, tenantId: "t1" },
    }));
    const { code, result } = await container.items.batch(operations, "t1");
    expect([code, result?.map(({ statusCode }) => statusCode)]).toEqual([207, [424, 449, 424]]);
    expect(await exists("one")).toBe(false);
  });

  it("keeps the answer of a write that happened back for as long as it is told, or until all are cleared", async () => {
    cosmos.service.faults.add({ status: "reset", after: true, delayMs: 1, operation: "document.create" });
    expect(await failureOf(create("kept-back"))).toMatchObject({ code: "ECONNRESET" });
    cosmos.service.faults.add({ status: "reset", after: true, delayMs: 60_000, operation: "document.create" });
    const failure = failureOf(create("kept-long"));
    await expect.poll(() => exists("kept-long"), { timeout: 60_000 }).toBe(true);
    cosmos.service.faults.clear();
    expect(await failure).toMatchObject({ code: "ECONNRESET" });
  });

  it("loses the answer of a batch that happened; its error wraps the transport's", async () => {
    cosmos.service.faults.add({ status: "reset", after: true, operation: "document.batch" });
    const body = { id: "batched", tenantId: "t1" };
    const batch = container.items.batch([{ operationType: "Create", resourceBody: body }], "t1");
    expect((await failureOf(batch)).cause).toMatchObject({ code: "ECONNRESET" });
    expect(await exists("batched")).toBe(true);
  });

  it("answers 503 for a write that happened", async () => {
    cosmos.service.faults.add({ status: 503, after: true, operation: "document.create" });
    expect(await failureOf(create("unsure"))).toMatchObject({ code: 503 });
    expect(await exists("unsure")).toBe(true);
  });

  it("hits only the requests that it names, as often as it says", async () => {
    cosmos.service.faults.add({ status: 449, id: "known", partitionKey: '["t1"]', container: "test/data", times: 1 });
    expect((await container.item("other", "t1").read()).statusCode).toBe(404);
    expect(await failureOf(container.item("known", "t1").read())).toMatchObject({ code: 449 });
    expect(await exists("known")).toBe(true);
  });

  it("reads from a stale replica, but never when the account's strong consistency counts", async () => {
    await container.items.create({ id: "link", tenantId: "t1", revoked: false });
    await container.item("link", "t1").replace({ id: "link", tenantId: "t1", revoked: true });
    cosmos.service.faults.add({ status: "stale", times: 2 });
    const read = async (options?: RequestOptions) =>
      (await container.item("link", "t1").read<{ revoked: boolean }>(options)).resource?.revoked;
    expect(await read()).toBe(true);
    expect(await read({ consistencyLevel: ConsistencyLevel.Eventual })).toBe(false);
    await create("fresh");
    const fresh = container.item("fresh", "t1").read({ consistencyLevel: ConsistencyLevel.Session });
    expect((await fresh).statusCode).toBe(404);
    expect(await read({ consistencyLevel: ConsistencyLevel.Eventual })).toBe(true);
  });

  it("can be ordered, seen and cleared from another process", async () => {
    expect((await admin("POST", "faults", { status: 449, operation: "document.read" })).status).toBe(201);
    expect(await (await admin("GET", "faults")).json()).toMatchObject({ faults: [{ status: 449, times: 1 }] });
    expect(await failureOf(container.item("known", "t1").read())).toMatchObject({ code: 449 });
    await admin("POST", "faults", { status: 503 });
    await admin("DELETE", "faults");
    expect(cosmos.service.faults.pending()).toEqual([]);
  });

  it("is refused when it makes no sense", async () => {
    expect((await admin("POST", "faults", { status: 200 })).status).toBe(400);
    expect((await admin("POST", "faults", { status: 449, operations: "document.read" })).status).toBe(400);
  });
});

describe("the record of requests", () => {
  it("counts by kind, from a snapshot on", async () => {
    const before = cosmos.service.requests.latest;
    await create("counted");
    await container.item("counted", "t1").read();
    await container.items.query("SELECT * FROM c", { partitionKey: "t1" }).fetchAll();
    await container.items.batch([{ operationType: "Delete", id: "counted" }], "t1");
    const expected = {
      "document.create": 1,
      "document.read": 1,
      "document.query": 1,
      "document.batch": 1,
    };
    const filter = { since: before, partitionKey: '["t1"]' };
    expect(cosmos.service.requests.counters(filter)).toEqual(expected);
    const query = new URLSearchParams({ since: String(before), partitionKey: '["t1"]' });
    const answer = await admin("GET", `counters?${query.toString()}`);
    expect(await answer.json()).toMatchObject({ counters: expected });
  });

  it("keeps what was addressed, what a batch held and how it ended", async () => {
    const before = cosmos.service.requests.latest;
    await container.items.batch([{ operationType: "Read", id: "missing" }], "t1");
    const answer = await admin("GET", `requests?since=${before}&container=test/data`);
    expect(await answer.json()).toMatchObject({
      requests: [
        { operation: "document.batch", container: "test/data", partitionKey: '["t1"]', batch: ["Read"], status: 207 },
      ],
    });
  });

  it("gives the requests that one request to the app caused", async () => {
    const headers = {
      authorization: `type=aad&ver=1.0&sig=${mintToken(cosmos.service.url)}`,
      "user-agent": userAgents.test,
      "x-ms-activity-id": activityId("request-1"),
      "x-ms-documentdb-partitionkey": '["t1"]',
    };
    const sent = await fetch(`${cosmos.service.url}/${container.url}/docs/none`, { headers });
    expect(sent.headers.get("x-ms-activity-id")).toBe(activityId("request-1"));
    const found = async (requestId: string) =>
      ((await (await admin("GET", `requests?requestId=${requestId}`)).json()) as { requests: object[] }).requests;
    expect(await found("request-1")).toMatchObject([{ operation: "document.read", id: "none", from: "test" }]);
    expect(await found("request-2")).toEqual([]);
  });

  it("is closed to pages in a browser", async () => {
    const headers = { origin: "https://example.com" };
    const response = await fetch(`${cosmos.service.url}/_local/requests`, { headers });
    expect(response.status).toBe(403);
  });
});
