import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ChangeFeedStartFrom, type Container, type OperationInput } from "@azure/cosmos";
import { ulid } from "ulid";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { userAgents } from "../../local/cosmos/arrival.ts";
import { recordDirVariable, recordFile } from "../../local/cosmos/recorder.ts";
import { type CosmosService, startCosmos } from "../../local/cosmos/server.ts";
import { TestCosmos, clientOf } from "../../local/cosmos/testSupport.ts";
import { provisionDatabase } from "../../local/provision.ts";
import { startVaultForTests, type VaultForTests } from "../../shared/protection/vaultForTests.ts";
import type { LogFields } from "../../shared/triggers/logLine.ts";
import { activityId } from "../../shared/tenancy/activityId.ts";
import { databaseRecord } from "./databaseRecord.ts";

let world: VaultForTests;
let cosmos: CosmosService;
let dir: string;
beforeAll(async () => {
  world = await startVaultForTests();
  dir = await mkdtemp(join(tmpdir(), "callpilot-record-"));
  cosmos = await startCosmos({ port: 0, dataDir: join(world.dir, "cosmos"), tls: world.tls, recordDir: dir });
  await provisionDatabase(cosmos.url, "callpilot");
});
afterAll(async () => {
  await cosmos.close();
  await world.close();
  await rm(dir, { recursive: true });
});

const mine = `tnt_${ulid()}`;
const other = `tnt_${ulid()}`;
const file = () => recordFile(dir, process.pid, Number(new URL(cosmos.url).port));
beforeEach(() => writeFile(file(), ""));

/** The app's database without its guard, on behalf of a request if one is named. */
function container(userAgentSuffix = "", requestId?: string): Container {
  const plugin = (request: { headers: Record<string, string> }, _: unknown, next: (request: unknown) => unknown) => {
    if (requestId !== undefined) request.headers["x-ms-activity-id"] = activityId(requestId);
    return next(request);
  };
  const options = { userAgentSuffix, plugins: [{ on: "request", plugin }] };
  return clientOf(cosmos.url, options).database("callpilot").container("data");
}

const item = (tenantId: string, id = ulid()) => ({ id, tenantId, kind: "note" });
const bound = "SELECT * FROM c WHERE c.tenantId = @tenantId AND c.kind = 'note'";
const query = (from: Container, text: string, tenantId: string) =>
  from.items
    .query({ query: text, parameters: [{ name: "@tenantId", value: tenantId }] }, { partitionKey: mine })
    .fetchAll();
const batch = (from: Container, operations: OperationInput[]) => from.items.batch(operations, [mine]);

const startOfFeed = (tenantId: string) => ({ changeFeedStartFrom: ChangeFeedStartFrom.Beginning(tenantId) });

/** Sends what the app never may, if only to be refused. */
const planted: Readonly<Record<string, (from: Container) => Promise<unknown>>> = {
  "not the container's full partition key": (from) => from.items.query("SELECT * FROM c").fetchAll(),
  "query that is not held to the partition's tenant": (from) => query(from, "SELECT * FROM c", mine),
  "query that is not held to the partition's tenant, but to another": (from) => query(from, bound, other),
  "read of a whole partition": (from) => from.items.getChangeFeedIterator(startOfFeed(mine)).readNext(),
  "item of another tenant than the partition's": (from) => from.item("x", mine).replace(item(other, "x")),
  "batch with an item of another tenant than the partition's": (from) =>
    batch(from, [
      { operationType: "Create", resourceBody: item(mine) },
      { operationType: "Upsert", resourceBody: item(other) },
    ]),
};

describe("the record of a run", () => {
  it.each(Object.entries(planted))("finds in what the app sent: %s", async (name, send) => {
    await send(container()).catch(() => undefined);
    const { violations, app } = await databaseRecord(dir);
    expect(app).toBe(1);
    expect(violations).toEqual([expect.stringContaining(name.split(",")[0] ?? "")]);
  });

  it("holds neither tests nor the host to it, and counts them apart", async () => {
    for (const send of Object.values(planted))
      for (const agent of Object.values(userAgents)) await send(container(agent)).catch(() => undefined);
    const each = Object.keys(planted).length;
    expect(await databaseRecord(dir)).toEqual({
      servers: 1,
      app: 0,
      host: each,
      tests: each,
      joined: 0,
      violations: [],
    });
  });

  it("finds nothing in what the app does", async () => {
    const app = container();
    await app.items.create(item(mine, "a"));
    await app.item("a", mine).read();
    await query(app, bound, mine);
    await batch(app, [{ operationType: "Delete", id: "a" }]);
    expect(await databaseRecord(dir)).toMatchObject({ app: 4, violations: [] });
  });

  it("has every server of this run in it", async () => {
    await using another = await TestCosmos.start();
    const notes = await another.data("notes");
    await notes.items.create(item(mine));
    const port = Number(new URL(another.service.url).port);
    const kept = await readFile(recordFile(process.env[recordDirVariable] ?? "", process.pid, port), "utf8");
    expect(JSON.parse(kept)).toMatchObject({ operation: "document.create", container: "test/notes", from: "test" });
  });
});

describe("joined with the app's log", () => {
  const logFile = () => join(world.dir, "functions.log");
  const logged = async (...lines: Partial<LogFields>[]) => {
    const messages = ["The host is up.", ...lines.map((line) => JSON.stringify({ event: "request", ...line }))];
    await writeFile(logFile(), messages.map((message) => `${JSON.stringify({ message })}\n`).join(""));
  };
  const joined = () => databaseRecord(dir, { recordFile: file(), logFile: logFile() });
  const read = (requestId: string, tenantId: string, id = "svy_1") =>
    container("", requestId).item(id, tenantId).read();

  it("finds a request for another tenant than its caller's", async () => {
    await logged({ requestId: "request-1", tenantId: mine }, { requestId: "request-2", tenantId: other });
    await read("request-1", mine);
    await read("request-2", other);
    expect(await joined()).toMatchObject({ app: 2, joined: 2, violations: [] });
    await read("request-1", other);
    const { violations } = await joined();
    expect(violations).toEqual([expect.stringContaining(`another tenant than the caller's (${mine})`)]);
  });

  it("lets a credential be looked up, of a known caller's kind or where nobody was known", async () => {
    await logged({ requestId: "request-1", tenantId: mine }, { requestId: "request-2" });
    for (const id of ["tnt_1", "lnk_1", "key_1", "inv_1", "mbr_1"]) await read("request-1", other, id);
    await read("request-2", other);
    expect(await joined()).toMatchObject({ app: 6, violations: [] });
    await query(container("", "request-2"), bound, mine);
    expect((await joined()).violations).toEqual([expect.stringContaining("(nobody's)")]);
  });

  it("lets a link, an invitation or a grant open another tenant, in the functions that take one", async () => {
    const line = { tenantId: "platform", subjectTenantId: mine };
    await logged(
      { ...line, requestId: "request-1", function: "openAccessSession" },
      { ...line, requestId: "request-2", function: "createTenant" },
    );
    await read("request-1", mine);
    expect((await joined()).violations).toEqual([]);
    await read("request-2", mine);
    expect((await joined()).violations).toEqual([expect.stringContaining("(platform)")]);
  });

  it("finds what the guard had to stop", async () => {
    await logged({ requestId: "request-1", function: "getSurvey", databaseRefused: 1 });
    expect((await joined()).violations).toEqual([
      expect.stringContaining("had to stop: getSurvey (request request-1)"),
    ]);
  });

  it("takes a run that left no line for one tenant's", async () => {
    await logged();
    await read("run-1", mine);
    await read("run-2", other);
    expect(await joined()).toMatchObject({ joined: 0, violations: [] });
    await read("run-1", other);
    expect((await joined()).violations).toEqual([expect.stringContaining(mine)]);
  });
});
