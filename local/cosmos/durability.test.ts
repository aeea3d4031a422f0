import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { LocalError } from "../service.ts";
import { startCosmos } from "./server.ts";
import { clientOf, failureOf, TestCosmos } from "./testSupport.ts";

/** A server in a process of its own that prints its address, for killing. */
async function spawnServer(cosmos: TestCosmos): Promise<{ child: ChildProcess; url: string }> {
  const script = `
    import { startCosmos } from ${JSON.stringify(new URL("server.ts", import.meta.url).href)};
    const { url } = await startCosmos(${JSON.stringify({ port: 0, dataDir: cosmos.folder, tls: cosmos.tls })});
    console.log(url);
  `;
  const args = ["--input-type=module", "--eval", script];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const [url] = (await once(createInterface(child.stdout), "line")) as [string];
  return { child, url };
}

describe("durability", () => {
  it("loses no acknowledged write to SIGKILL, and keeps no half of a batch", async () => {
    await using cosmos = await TestCosmos.start();
    await cosmos.data("data");
    await cosmos.service.close();
    const { child, url } = await spawnServer(cosmos);
    const client = clientOf(url);
    const container = client.database("test").container("data");
    const acknowledged: string[] = [];
    const write = async (writer: number): Promise<void> => {
      for (let index = 0; ; index++) {
        const id = `${writer}-${index}`;
        const batch = [id, `${id}-twin`].map((name) => ({
          operationType: "Create" as const,
          resourceBody: { id: name, tenantId: "t1" },
        }));
        const { code } = await container.items.batch(batch, "t1");
        if (code === 200) acknowledged.push(id);
      }
    };
    const writers = [0, 1, 2].map((writer) => failureOf(write(writer)));
    while (acknowledged.length < 50) await delay(5);
    child.kill("SIGKILL");
    await Promise.all(writers);
    client.dispose();

    await cosmos.restart();
    const survivors = cosmos.client.database("test").container("data");
    const { resources } = await survivors.items
      .query<string>("SELECT VALUE c.id FROM c", { partitionKey: "t1", maxItemCount: 1000 })
      .fetchAll();
    const found = new Set(resources);
    expect(acknowledged.filter((id) => !found.has(id) || !found.has(`${id}-twin`))).toEqual([]);
    expect(resources.filter((id) => !id.endsWith("-twin") && !found.has(`${id}-twin`))).toEqual([]);
  });

  it("keeps documents, ETags and expiry over a restart", async () => {
    await using cosmos = await TestCosmos.start();
    const container = await cosmos.data("data", { defaultTtl: -1 });
    const { etag } = await container.items.create({ id: "lasting", tenantId: "t1" });
    await container.items.create({ id: "brief", tenantId: "t1", ttl: 1 });
    await cosmos.restart();
    await delay(1100);
    const again = cosmos.client.database("test").container("data");
    expect((await again.item("lasting", "t1").read()).etag).toBe(etag);
    expect((await again.item("brief", "t1").read()).statusCode).toBe(404);
    expect((await again.items.create({ id: "brief", tenantId: "t1" })).statusCode).toBe(201);
  });

  it.each([
    ["is no database", 0],
    ["is damaged inside", 4096],
  ])("says what to do about a file that %s", async (_name, position) => {
    await using cosmos = await TestCosmos.start();
    const container = await cosmos.data("data");
    await container.items.create({ id: "large", tenantId: "t1", title: "x".repeat(100_000) });
    await cosmos.service.close();
    const file = await open(join(cosmos.folder, "cosmos.sqlite"), "r+");
    await file.write("this is no database ".repeat(1000), position);
    await file.close();
    const failure = await failureOf(startCosmos({ port: 0, dataDir: cosmos.folder, tls: cosmos.tls }));
    expect(failure).toBeInstanceOf(LocalError);
    expect(failure.message).toContain("npm start -- --fresh");
  });

  it("does not share its file with a second server", async () => {
    await using cosmos = await TestCosmos.start();
    const failure = await failureOf(startCosmos({ port: 0, dataDir: cosmos.folder, tls: cosmos.tls }));
    expect(failure).toBeInstanceOf(LocalError);
    expect(failure.message).toContain("Another process uses the database");
  });
});

describe("speed", () => {
  it("reads a point in a few milliseconds among many tenants, and pages 10,000 items", async () => {
    await using cosmos = await TestCosmos.start();
    const container = await cosmos.data("data");
    const fill = (tenantId: string, from: number) =>
      container.items.batch(
        Array.from({ length: 100 }, (_, index) => ({
          operationType: "Create" as const,
          resourceBody: { id: `s${from + index}`, tenantId, kind: index % 10 ? "survey" : "video", updatedAt: index },
        })),
        tenantId,
      );
    for (let from = 0; from < 10_000; from += 100) await fill("large", from);
    for (let tenant = 0; tenant < 100; tenant++) await fill(`tnt_${tenant}`, 0);
    const started = performance.now();
    for (let tenant = 0; tenant < 100; tenant++) {
      expect((await container.item("s50", `tnt_${tenant}`).read()).statusCode).toBe(200);
    }
    expect((performance.now() - started) / 100).toBeLessThan(10);
    const query = "SELECT TOP 50 * FROM c WHERE c.kind = 'survey' ORDER BY c.kind, c.updatedAt DESC, c.id DESC";
    const asked = performance.now();
    expect((await container.items.query(query, { partitionKey: "large" }).fetchAll()).resources).toHaveLength(50);
    expect(performance.now() - asked).toBeLessThan(2000);
  });
});
