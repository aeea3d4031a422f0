import type { Container, FeedOptions, SqlQuerySpec } from "@azure/cosmos";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { userAgents } from "./arrival.ts";
import { failureOf, mintToken, TestCosmos } from "./testSupport.ts";

let cosmos: TestCosmos;
let container: Container;

interface Row {
  id: string;
  tenantId: string;
  kind: string;
  updatedAt: string;
}

const moment = (index: number): string => new Date(Date.UTC(2026, 0, 1, 0, Math.floor(index / 2))).toISOString();

beforeAll(async () => {
  cosmos = await TestCosmos.start();
  container = await cosmos.data("rows");
  for (const tenantId of ["t1", "t2"]) {
    const rows = Array.from({ length: 50 }, (_, index) => ({
      id: `${tenantId}-${String(index).padStart(2, "0")}`,
      tenantId,
      kind: index % 5 === 0 ? "video" : "survey",
      updatedAt: moment(index),
      index,
      payload: { size: index },
    }));
    await container.items.batch(
      rows.map((resourceBody) => ({ operationType: "Create", resourceBody })),
      tenantId,
    );
  }
});
afterAll(() => cosmos[Symbol.asyncDispose]());

async function rows<T = Row>(
  query: string | SqlQuerySpec,
  options: FeedOptions = { partitionKey: "t1" },
): Promise<T[]> {
  const { resources } = await container.items.query<T>(query, options).fetchAll();
  return resources;
}

const values = (parameters: Record<string, string | number>): NonNullable<SqlQuerySpec["parameters"]> =>
  Object.entries(parameters).map(([name, value]) => ({ name: `@${name}`, value }));

describe("a query on one partition", () => {
  it("sees nothing of another, with or without a predicate on the tenant", async () => {
    expect(await rows("SELECT * FROM c")).toHaveLength(50);
    const foreign = { query: "SELECT * FROM c WHERE c.tenantId = @tenantId", parameters: values({ tenantId: "t2" }) };
    expect(await rows(foreign)).toEqual([]);
  });

  it("pages by keyset: kind and tenant equal, newest first, after a position, TOP n", async () => {
    const seen: string[] = [];
    let position = { v: "9999", id: "" };
    for (;;) {
      const page = await rows({
        query: `SELECT TOP @n * FROM c WHERE c.kind = @kind AND c.tenantId = @tenantId
          AND (c.updatedAt < @v OR (c.updatedAt = @v AND c.id < @id))
          ORDER BY c.kind, c.updatedAt DESC, c.id DESC`,
        parameters: values({ n: 7, kind: "survey", tenantId: "t1", ...position }),
      });
      const last = page.at(-1);
      if (last === undefined) break;
      seen.push(...page.map(({ id }) => id));
      position = { v: last.updatedAt, id: last.id };
    }
    expect(seen).toHaveLength(40);
    expect(seen).toEqual([...seen].sort().reverse());
  });

  it("serves the exact opposite of a composite index", async () => {
    const found = await rows("SELECT TOP 1 * FROM c WHERE c.kind = 'survey' ORDER BY c.kind DESC, c.updatedAt, c.id");
    expect(found.map(({ id }) => id)).toEqual(["t1-01"]);
  });

  it.each([
    "SELECT * FROM c ORDER BY c.kind, c.updatedAt DESC",
    "SELECT * FROM c ORDER BY c.kind, c.updatedAt, c.id",
    "SELECT * FROM c ORDER BY c.updatedAt DESC, c.id DESC",
  ])("refuses a sort by several properties without a composite index: %s", async (query) => {
    expect(await failureOf(rows(query))).toMatchObject({ code: 400 });
  });

  it("sorts by one property, but not by one that is excluded from the index", async () => {
    expect((await rows("SELECT * FROM c ORDER BY c.updatedAt DESC"))[0]?.updatedAt).toBe(moment(49));
    expect(await failureOf(rows("SELECT * FROM c ORDER BY c.payload.size"))).toMatchObject({ code: 400 });
  });

  it("pages with maxItemCount and a continuation, losing and repeating nothing", async () => {
    const query = "SELECT c.id FROM c WHERE c.kind = 'survey' ORDER BY c.kind, c.updatedAt DESC, c.id DESC";
    const seen: string[] = [];
    let continuationToken: string | undefined;
    let pages = 0;
    do {
      const options = { partitionKey: "t1", maxItemCount: 15, ...(continuationToken ? { continuationToken } : {}) };
      const page = await container.items.query<{ id: string }>(query, options).fetchNext();
      seen.push(...page.resources.map(({ id }) => id));
      continuationToken = page.continuationToken;
      pages += 1;
    } while (continuationToken);
    expect([pages, seen.length, new Set(seen).size]).toEqual([3, 40, 40]);
  });

  it("ends a page at 4 MB, so a page may be short", async () => {
    const large = await cosmos.data("large");
    for (const id of ["a", "b", "c"]) {
      await large.items.create({ id, tenantId: "t1", title: "x".repeat(1_900_000) });
    }
    const iterator = large.items.query("SELECT * FROM c", { partitionKey: "t1" });
    expect((await iterator.fetchNext()).resources.length).toBeLessThan(3);
    expect((await iterator.fetchAll()).resources).toHaveLength(3);
  });

  it("filters by lists, prefixes, existence and nested values", async () => {
    expect(
      await rows({
        query: "SELECT * FROM c WHERE ARRAY_CONTAINS(@ids, c.id)",
        parameters: [{ name: "@ids", value: ["t1-03", "t2-04"] }],
      }),
    ).toHaveLength(1);
    expect(await rows("SELECT * FROM c WHERE STARTSWITH(c.id, 't1-4')")).toHaveLength(10);
    expect(await rows("SELECT * FROM c WHERE NOT IS_DEFINED(c.deletedAt) AND c.payload.size >= 48")).toHaveLength(2);
  });

  it("counts, and limits by OFFSET and LIMIT", async () => {
    expect(await rows<number>("SELECT VALUE COUNT(1) FROM c WHERE c.kind = 'video'")).toEqual([10]);
    const page = await rows<string>("SELECT VALUE c.id FROM c ORDER BY c.id OFFSET 10 LIMIT 2");
    expect(page).toEqual(["t1-10", "t1-11"]);
  });

  it("treats keywords inside strings as text", async () => {
    expect(await rows("SELECT * FROM c WHERE c.kind = 'x ORDER BY offset 1 limit (1'")).toEqual([]);
  });

  it.each(["SELECT FROM", "SELECT * FROM c WHERE c.id = @missing", "SELECT * FROM c OFFSET 1"])(
    "refuses what is wrong with 400: %s",
    async (query) => {
      expect(await failureOf(rows(query))).toMatchObject({ code: 400 });
    },
  );
});

describe("a query without a partition key", () => {
  it("goes over all partitions as the SDK asks for it", async () => {
    expect(await rows("SELECT * FROM c WHERE c.kind = 'video'", {})).toHaveLength(20);
  });

  it("sorts and limits through the SDK's own pipeline, from the query plan", async () => {
    const query = "SELECT TOP 3 * FROM c WHERE c.kind = 'video' ORDER BY c.updatedAt DESC";
    const before = cosmos.service.requests.latest;
    const found = await rows(query, {});
    expect(found.map(({ updatedAt }) => updatedAt)).toEqual([moment(45), moment(45), moment(40)]);
    const counters = cosmos.service.requests.counters({ since: before });
    expect(counters["document.queryPlan"]).toBeGreaterThan(0);
    expect(counters["partitionRanges.read"]).toBe(1);
  });

  it("is refused when crossing partitions is not enabled", async () => {
    const response = await fetch(`${cosmos.service.url}/${container.url}/docs`, {
      method: "POST",
      body: JSON.stringify({ query: "SELECT * FROM c", parameters: [] }),
      headers: {
        authorization: `type=aad&ver=1.0&sig=${mintToken(cosmos.service.url)}`,
        "user-agent": userAgents.test,
        "content-type": "application/query+json",
        "x-ms-documentdb-isquery": "True",
      },
    });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain("Cross partition query is required but disabled");
  });
});

describe("what is recorded of a query", () => {
  it("says whether every row is held to the tenant", async () => {
    const parameters = values({ tenantId: "t1" });
    const before = cosmos.service.requests.latest;
    await rows({ query: "SELECT * FROM c WHERE c.kind = 'a' AND c.tenantId = @tenantId", parameters });
    await rows({ query: "SELECT * FROM c WHERE c.kind = 'a' OR c.tenantId = @tenantId", parameters });
    await rows("SELECT * FROM c WHERE c.kind = 'c.tenantId = @tenantId'");
    const queries = cosmos.service.requests
      .records({ since: before, container: "test/rows", partitionKey: '["t1"]' })
      .filter(({ operation }) => operation === "document.query");
    expect(queries.map(({ tenantPredicate }) => tenantPredicate)).toEqual([true, false, false]);
  });
});
