import { InvocationContext } from "@azure/functions";
import { Type } from "@sinclair/typebox";
import { afterAll, beforeAll, expect, it } from "vitest";
import { config } from "../config.ts";
import { type VaultForTests, startVaultForTests } from "../protection/vaultForTests.ts";
import { containerName, quarantineContainer } from "../storage/containers.ts";
import { newId, prefixes } from "../tenancy/ids.ts";
import { type BlobEventInput, eventGridTrigger } from "./eventGridTrigger.ts";

const path = "originals/{surveyId}/{videoId}";

let settings: VaultForTests;
beforeAll(async () => {
  settings = await startVaultForTests();
});
afterAll(() => settings.close());

/** Runs the handler as the host does; gives what it was given and what was logged. */
async function arrive(event: unknown, failure?: Error) {
  const seen: BlobEventInput<{ what: string }, typeof path>[] = [];
  const logged: Record<string, unknown>[] = [];
  const { handler } = eventGridTrigger({
    eventType: "Test",
    data: { what: Type.String({ maxLength: 10 }) },
    path,
    handler: (input) => {
      seen.push(input);
      return failure === undefined ? Promise.resolve() : Promise.reject(failure);
    },
  });
  const context = new InvocationContext({
    functionName: "onScanResult",
    logHandler: (level, line) => {
      logged.push({ level, ...(JSON.parse(String(line)) as object) });
    },
  });
  const done = await Promise.resolve(handler(event as never, context)).then(
    () => "done",
    (error: unknown) => error,
  );
  return { seen, logged, done };
}

const tenantId = newId(prefixes.tenant);
const surveyId = newId(prefixes.survey);
const videoId = newId(prefixes.video);
const uri = (...parts: string[]) => [config().data.blobUrl, ...parts].join("/");
const original = () => uri(containerName(tenantId), "originals", surveyId, videoId);
const event = (data: object = {}, more: object = {}) => ({
  id: "1",
  subject: "any",
  eventType: "Test",
  data: { what: "scan", blobUri: original(), ...data },
  ...more,
});

it("opens the scope of the tenant whose container the blob is in, for what its name names", async () => {
  const { seen } = await arrive(event({ further: true }));
  expect(seen).toHaveLength(1);
  expect(seen[0]).toMatchObject({
    data: { what: "scan" },
    params: { surveyId, videoId },
    tenant: { tenantId, action: "onScanResult", actor: { type: "system", id: "onScanResult" } },
  });
});

it.each<[string, () => unknown]>([
  ["nothing", () => undefined],
  ["a list", () => [event()]],
  ["another type", () => event({}, { eventType: "Other" })],
  ["no data", () => event({}, { data: undefined })],
  ["data that does not fit", () => event({ what: "longer than ten" })],
  ["another account", () => event({ blobUri: original().replace("https://", "https://other.") })],
  ["an account whose name begins alike", () => event({ blobUri: original().replace("/videos-", "x/videos-") })],
  ["a query", () => event({ blobUri: `${original()}?snapshot=1` })],
])("reports %s once, and opens nothing", async (_, make) => {
  const { seen, logged, done } = await arrive(make());
  expect([seen, done]).toEqual([[], "done"]);
  expect(logged).toMatchObject([{ level: "error" }]);
});

it.each<[string, () => string]>([
  ["an upload", () => original().replace("originals", "incoming")],
  ["a made file", () => uri(containerName(tenantId), "videos", surveyId, videoId, "video.mp4")],
  ["what is locked away", () => uri(quarantineContainer(tenantId, "any").name, surveyId, videoId)],
  ["a manifest", () => uri("ingest", tenantId, surveyId, `${videoId}.json`)],
  ["a name that is not ours", () => uri(containerName(tenantId), "originals", surveyId, "..")],
  ["a longer name", () => `${original()}/more`],
  ["another kind of id", () => uri(containerName(tenantId), "originals", videoId, surveyId)],
])("passes over %s", async (_, blobUri) => {
  expect(await arrive(event({ blobUri: blobUri() }))).toEqual({ seen: [], logged: [], done: "done" });
});

it("throws a failure back to the host, so that Event Grid delivers again", async () => {
  const failure = new Error("not now");
  const { logged, done } = await arrive(event(), failure);
  expect(done).toBe(failure);
  expect(logged).toMatchObject([{ level: "error", event: "event_failed", tenantId }]);
});
