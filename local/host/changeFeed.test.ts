import { join } from "node:path";
import { type Container, CosmosClient, type Database } from "@azure/cosmos";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { identity } from "../../shared/identity.ts";
import { userAgents } from "../cosmos/arrival.ts";
import { type CosmosService, startCosmos } from "../cosmos/server.ts";
import { type TestApp, buildApp, runApp } from "./testing/app.ts";
import { type TestServices, startServices } from "./testing/services.ts";

const follow = (name: string, options: string, handler: string) => `app.cosmosDB("${name}", {
  connection: "COSMOS", databaseName: "%DATABASE%", containerName: "${name}", leaseContainerName: "leases", createLeaseContainerIfNotExists: true,
  feedPollDelay: 50, leaseAcquireInterval: 200, leaseExpirationInterval: 1500, ${options}
  handler: async (items, context) => { const ids = items.map(({ id }) => id).join(); ${handler} } });`;

const functions = {
  follows: follow("follows", `startFromBeginning: true, maxItemsPerInvocation: 2,`, `context.log("follows", ids);`),
  now: follow("now", "", `context.log("now", ids);`),
  skips: follow(
    "skips",
    `startFromBeginning: true,`,
    `context.log("skips", ids); if (ids.includes("bad")) throw new Error("cannot");`,
  ),
  retries: follow(
    "retries",
    `startFromBeginning: true, retry: { strategy: "exponentialBackoff", maxRetryCount: -1, minimumInterval: 100, maximumInterval: 400 },`,
    `context.log("retries", ids, context.retryContext.retryCount); if (context.retryContext.retryCount < 2) throw new Error("not yet");`,
  ),
  lasts: follow(
    "lasts",
    `startFromBeginning: true,`,
    `context.log("began", ids); await new Promise((resolve) => setTimeout(resolve, 600)); context.log("ended", ids);`,
  ),
};

describe("a Cosmos DB trigger", () => {
  let services: TestServices;
  let cosmos: CosmosService;
  let client: CosmosClient;
  let database: Database;
  let dir = "";
  let remove: () => Promise<void>;
  let app: TestApp;
  const run = () =>
    runApp(
      { appDir: dir, ca: services.ca },
      { ...services.env, COSMOS__accountEndpoint: cosmos.url, DATABASE: "test" },
    );
  const container = (name: string): Container => database.container(name);
  const put = (name: string, id: string) => container(name).items.upsert({ id, tenantId: "t" });
  const times = (text: string) => app.lines.filter(({ message }) => message.includes(text)).length;
  const leaseOf = async (name: string) => {
    const { resources } = await container("leases").items.readAll().fetchAll();
    return resources.find(({ id }) => id?.includes(`_${name}.`));
  };
  const settled = (name: string, before: unknown) =>
    expect
      .poll(async () => (await leaseOf(name))?.["ContinuationToken"] as unknown, { timeout: 5000 })
      .toSatisfy((token: unknown) => typeof token === "string" && token !== before);

  beforeAll(async () => {
    services = await startServices();
    cosmos = await startCosmos({ port: 0, dataDir: join(services.dir, "cosmos"), tls: services.tls });
    client = new CosmosClient({
      endpoint: cosmos.url,
      aadCredentials: identity(),
      userAgentSuffix: userAgents.test,
    });
    ({ database } = await client.databases.createIfNotExists({ id: "test" }));
    for (const id of Object.keys(functions))
      await database.containers.createIfNotExists({ id, partitionKey: { paths: ["/tenantId"] } });
    for (const id of ["a", "b", "c"]) await put("follows", id);
    await put("now", "before");
    ({ dir, remove } = await buildApp({ functions }));
    app = await run();
  });
  afterAll(async () => {
    await app.stop();
    expect(app.noise()).toBe("");
    client.dispose();
    await cosmos.close();
    await services.close();
    await remove();
  });

  test("delivers what changed, in batches of at most maxItemsPerInvocation", async () => {
    await app.logged("follows a,b");
    await app.logged("follows c");
    await put("follows", "a");
    await app.logged("follows a", 2);
  });

  test("starts from now unless told otherwise, also when restarted before the first change", async () => {
    await settled("now", undefined);
    await app.stop();
    await put("now", "after");
    app = await run();
    await app.logged("now after");
    expect(app.lines.filter(({ level }) => level !== "information")).toEqual([]);
    expect(times("now before")).toBe(0);
    expect(times("follows")).toBe(0);
  });

  test("skips a batch whose function fails and has no retry policy", async () => {
    await put("skips", "bad");
    await app.logged("were skipped");
    await put("skips", "good");
    await app.logged("skips good");
    expect(times("skips bad")).toBe(1);
  });

  test("repeats a batch by the function's retry policy", async () => {
    await put("retries", "x");
    await app.logged("retries x 2");
    await put("retries", "y");
    await app.logged("retries y 2");
    expect(times("retries x")).toBe(3);
  });

  test("delivers a batch again whose host was killed before the checkpoint", async () => {
    await put("lasts", "killed");
    await app.logged("began killed");
    await app.kill();
    app = await run();
    const before = (await leaseOf("lasts"))?.["ContinuationToken"] as unknown;
    await app.logged("ended killed");
    await settled("lasts", before);
    expect(times("began killed")).toBe(1);
  });

  test("waits out a lease that another instance took, and delivers what that one did not finish", async () => {
    await put("lasts", "stolen");
    await app.logged("began stolen");
    const lease = await leaseOf("lasts");
    await container("leases").items.upsert({ ...lease, Owner: "another", timestamp: new Date().toISOString() });
    await app.logged("The lease was taken by another instance");
    await app.logged("began stolen", 2);
    expect((await leaseOf("lasts"))?.["Owner"]).toBe("local");
  });

  test("runs for an administrator with the given items", async () => {
    const init = {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"input":"[{\\"id\\":\\"z\\"}]"}',
    };
    expect((await fetch(`${app.url}/admin/functions/follows`, init)).status).toBe(202);
    await app.logged("follows z");
  });
});
