import { setTimeout as delay } from "node:timers/promises";
import {
  type ChangeFeedPullModelIterator,
  ChangeFeedStartFrom,
  type Container,
  PartitionKeyDefinitionVersion,
  PartitionKeyKind,
} from "@azure/cosmos";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failureOf, TestCosmos } from "./testSupport.ts";

let cosmos: TestCosmos;
beforeAll(async () => {
  cosmos = await TestCosmos.start();
});
afterAll(() => cosmos[Symbol.asyncDispose]());

interface Fact {
  id: string;
  tenantId: string;
  version?: number;
  _lsn: number;
}

/** `from` is what ChangeFeedStartFrom's functions make; by the SDK's types, those are not instances of it. */
const feed = (container: Container, from: object = ChangeFeedStartFrom.Beginning(), maxItemCount = 100) =>
  container.items.getChangeFeedIterator<Fact>({ changeFeedStartFrom: from, maxItemCount });

const put = (container: Container, id: string, extra: object = {}) =>
  container.items.upsert({ id, tenantId: "t1", ...extra });

async function drain(iterator: ChangeFeedPullModelIterator<Fact>): Promise<Fact[]> {
  const found: Fact[] = [];
  for (;;) {
    const page = await iterator.readNext();
    if (page.statusCode === 304) return found;
    found.push(...page.result);
  }
}

const idsOf = (facts: Fact[]): string[] => facts.map(({ id }) => id);

describe("the change feed", () => {
  it("shows the latest version only, in the order of writing", async () => {
    const container = await cosmos.data("latest");
    await put(container, "a", { version: 1 });
    await put(container, "b", { version: 1 });
    await put(container, "a", { version: 2 });
    const found = await drain(feed(container));
    expect(found).toMatchObject([
      { id: "b", version: 1 },
      { id: "a", version: 2 },
    ]);
    expect(found[0]?._lsn).toBeLessThan(found[1]?._lsn ?? 0);
  });

  it("answers 304 when nothing is new, and then sees what is written", async () => {
    const container = await cosmos.data("after-304");
    const iterator = feed(container);
    expect((await iterator.readNext()).statusCode).toBe(304);
    await put(container, "a");
    expect(idsOf((await iterator.readNext()).result)).toEqual(["a"]);
    expect((await iterator.readNext()).statusCode).toBe(304);
    expect((await iterator.readNext()).statusCode).toBe(304);
    await put(container, "b");
    expect(idsOf((await iterator.readNext()).result)).toEqual(["b"]);
  });

  it("never shows a deleted item", async () => {
    const container = await cosmos.data("deleted");
    await put(container, "a");
    await put(container, "b");
    await container.item("a", "t1").delete();
    expect(idsOf(await drain(feed(container)))).toEqual(["b"]);
  });

  it("passes over a deletion after a 304", async () => {
    const container = await cosmos.data("deleted-later");
    await put(container, "a");
    const iterator = feed(container);
    await drain(iterator);
    await container.item("a", "t1").delete();
    expect((await iterator.readNext()).statusCode).toBe(304);
    await put(container, "b");
    expect(idsOf(await drain(iterator))).toEqual(["b"]);
  });

  it("never shows an expired item", async () => {
    const container = await cosmos.data("expired", { defaultTtl: -1 });
    await put(container, "brief", { ttl: 1 });
    await put(container, "lasting");
    await delay(1100);
    expect(idsOf(await drain(feed(container)))).toEqual(["lasting"]);
  });

  it("shows an item again that was written while it was being read", async () => {
    const container = await cosmos.data("again");
    await put(container, "a", { version: 1 });
    await put(container, "b", { version: 1 });
    const iterator = feed(container, ChangeFeedStartFrom.Beginning(), 1);
    expect((await iterator.readNext()).result).toMatchObject([{ id: "a", version: 1 }]);
    await put(container, "a", { version: 2 });
    expect(await drain(iterator)).toMatchObject([
      { id: "b", version: 1 },
      { id: "a", version: 2 },
    ]);
  });

  it("pages, and goes on from a stored continuation", async () => {
    const container = await cosmos.data("continuation");
    for (let index = 0; index < 7; index++) await put(container, `s${index}`);
    const first = await feed(container, ChangeFeedStartFrom.Beginning(), 3).readNext();
    expect(idsOf(first.result)).toEqual(["s0", "s1", "s2"]);
    const rest = feed(container, ChangeFeedStartFrom.Continuation(first.continuationToken), 3);
    expect(idsOf(await drain(rest))).toEqual(["s3", "s4", "s5", "s6"]);
  });

  it("does not split a transaction between two pages", async () => {
    const container = await cosmos.data("transaction");
    await put(container, "before");
    await container.items.batch(
      ["a", "b", "c"].map((id) => ({ operationType: "Create", resourceBody: { id, tenantId: "t1" } })),
      "t1",
    );
    const iterator = feed(container, ChangeFeedStartFrom.Beginning(), 2);
    const page = await iterator.readNext();
    expect(idsOf(page.result)).toEqual(["before", "a", "b", "c"]);
    expect(new Set(page.result.map(({ _lsn }) => _lsn)).size).toBe(2);
    expect((await iterator.readNext()).statusCode).toBe(304);
  });

  it("shows nothing of a batch that was undone", async () => {
    const container = await cosmos.data("undone");
    await put(container, "taken");
    const iterator = feed(container);
    await drain(iterator);
    await container.items.batch(
      ["new", "taken"].map((id) => ({ operationType: "Create", resourceBody: { id, tenantId: "t1" } })),
      "t1",
    );
    expect((await iterator.readNext()).statusCode).toBe(304);
  });

  it("keeps to one partition when asked for one", async () => {
    const container = await cosmos.data("partition");
    await put(container, "a");
    await container.items.create({ id: "b", tenantId: "t2" });
    const iterator = feed(container, ChangeFeedStartFrom.Beginning("t2"));
    expect(idsOf(await drain(iterator))).toEqual(["b"]);
    await put(container, "c");
    expect((await iterator.readNext()).statusCode).toBe(304);
    await container.items.create({ id: "d", tenantId: "t2" });
    expect(idsOf(await drain(iterator))).toEqual(["d"]);
  });

  it("keeps to one month of a hierarchical partition, and follows a tenant into the next", async () => {
    const container = await cosmos.container({
      id: "months",
      partitionKey: {
        paths: ["/tenantId", "/month"],
        kind: PartitionKeyKind.MultiHash,
        version: PartitionKeyDefinitionVersion.V2,
      },
    });
    const november = feed(container, ChangeFeedStartFrom.Beginning(["t1", "2026-11"]));
    const everything = feed(container);
    await container.items.create({ id: "evt_1", tenantId: "t1", month: "2026-11" });
    expect(idsOf(await drain(november))).toEqual(["evt_1"]);
    expect(idsOf(await drain(everything))).toEqual(["evt_1"]);
    await container.items.create({ id: "evt_2", tenantId: "t1", month: "2026-12" });
    expect(idsOf(await drain(november))).toEqual([]);
    expect(idsOf(await drain(everything))).toEqual(["evt_2"]);
  });

  it("starts from now, or from a time", async () => {
    const container = await cosmos.data("start");
    await put(container, "early");
    await delay(1100);
    const now = feed(container, ChangeFeedStartFrom.Now());
    expect((await now.readNext()).statusCode).toBe(304);
    const time = feed(container, ChangeFeedStartFrom.Time(new Date()));
    await put(container, "late");
    expect(idsOf(await drain(now))).toEqual(["late"]);
    expect(idsOf(await drain(time))).toEqual(["late"]);
  });

  it("goes on where it was after a restart", async () => {
    await using own = await TestCosmos.start();
    const container = await own.data("restart");
    await put(container, "a");
    const { continuationToken } = await feed(container).readNext();
    await own.restart();
    const again = own.client.database("test").container("restart");
    await put(again, "b");
    expect(idsOf(await drain(feed(again, ChangeFeedStartFrom.Continuation(continuationToken))))).toEqual(["b"]);
  });

  it("does not take a continuation of a container that was made anew", async () => {
    await using other = await TestCosmos.start();
    const old = await cosmos.data("renewed");
    await put(old, "a");
    const { continuationToken } = await feed(old).readNext();
    const renewed = await other.data("renewed");
    await put(renewed, "b");
    const failure = await failureOf(feed(renewed, ChangeFeedStartFrom.Continuation(continuationToken)).readNext());
    expect(failure.message).toContain("not for the current container");
  });
});
