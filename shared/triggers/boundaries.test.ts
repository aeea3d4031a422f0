import { InvocationContext } from "@azure/functions";
import { ulid } from "ulid";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { type VaultForTests, startVaultForTests } from "../protection/vaultForTests.ts";
import { currentBoundary } from "../tenancy/boundary.ts";
import { newTenantId } from "../tenancy/databaseForTests.ts";
import { newId, prefixes } from "../tenancy/ids.ts";
import { blobTrigger } from "./blobTrigger.ts";
import { config } from "../config.ts";
import { containerName } from "../storage/containers.ts";
import { changeFeedTrigger } from "./changeFeedTrigger.ts";
import { eventGridTrigger } from "./eventGridTrigger.ts";
import { queueTrigger } from "./queueTrigger.ts";
import { timerTrigger } from "./timerTrigger.ts";

let settings: VaultForTests;
beforeAll(async () => {
  settings = await startVaultForTests();
});
afterAll(() => settings.close());

const mine = newTenantId();
const other = newTenantId();
const context = (triggerMetadata = {}) =>
  new InvocationContext({ functionName: "test", triggerMetadata, logHandler: () => undefined });

/** What each run of the function was inside of. */
const runs: { requestId?: string | undefined; admitted: readonly string[] }[] = [];
beforeEach(() => runs.splice(0));
const handler = (): Promise<void> => {
  const found = currentBoundary();
  runs.push({ requestId: found?.requestId, admitted: [...(found?.admitted ?? ["nobody was asked"])] });
  return Promise.resolve();
};

const requestId = ulid();
const message = { schemaVersion: 1, requestId };

it("a message's run is for its tenant, under the id of the request that sent it", async () => {
  await queueTrigger({ queue: "sweep-tenant", message: {}, handler }).handler(
    { ...message, tenantId: mine },
    context(),
  );
  expect(runs).toEqual([{ requestId, admitted: [mine] }]);
});

it("the run of a platform's message is for its subject, and for the platform", async () => {
  const definition = { queue: "provision-tenant", message: {}, subject: true, handler } as const;
  await queueTrigger(definition).handler({ ...message, tenantId: "platform", subjectTenantId: mine }, context());
  expect(runs).toEqual([{ requestId, admitted: [mine, "platform"] }]);
});

it("a timer's run is for the platform", async () => {
  const timer = {
    isPastDue: false,
    schedule: { adjustForDST: true },
    scheduleStatus: { last: "", next: "", lastUpdated: "" },
  };
  await timerTrigger({ schedule: "0 * * * * *", handler }).handler(timer, context());
  expect(runs.map(({ admitted }) => admitted)).toEqual([["platform"]]);
});

it("a blob's run is for the tenant of its path", async () => {
  const params = { tenantId: mine, surveyId: newId(prefixes.survey) };
  await blobTrigger({ path: "ingest/{tenantId}/{surveyId}", handler }).handler(Buffer.from("{}"), context(params));
  expect(runs.map(({ admitted }) => admitted)).toEqual([[mine]]);
});

it("an event's run is for the tenant whose container the blob is in", async () => {
  const { handler: take } = eventGridTrigger({ eventType: "Test", data: {}, path: "originals/{videoId}", handler });
  const blobUri = `${config().data.blobUrl}/${containerName(mine)}/originals/${newId(prefixes.video)}`;
  await take({ id: "1", eventType: "Test", data: { blobUri } } as never, context());
  expect(runs.map(({ admitted }) => admitted)).toEqual([[mine]]);
});

it("each tenant of a change feed's batch has a run of its own", async () => {
  const facts = [mine, other].map((tenantId) => ({ tenantId, kind: "fact" }));
  await changeFeedTrigger({ handler }).handler(facts as never, context());
  expect(runs.map(({ admitted }) => admitted)).toEqual([[mine], [other]]);
});
