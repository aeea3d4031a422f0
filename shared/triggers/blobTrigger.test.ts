import { InvocationContext } from "@azure/functions";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type VaultForTests, startVaultForTests } from "../protection/vaultForTests.ts";
import { newId, platformTenantId, prefixes } from "../tenancy/ids.ts";
import { type BlobInput, blobTrigger } from "./blobTrigger.ts";

const path = "ingest/{tenantId}/{surveyId}/{videoId}.json";

let settings: VaultForTests;
beforeAll(async () => {
  settings = await startVaultForTests();
});
afterAll(() => settings.close());

/** Runs the handler as the host does; gives what it was given and what was logged. */
async function arrive(metadata: Record<string, unknown> | undefined, failure?: Error) {
  const seen: BlobInput<typeof path>[] = [];
  const logged: Record<string, unknown>[] = [];
  const { handler } = blobTrigger({
    path,
    handler: (input) => {
      seen.push(input);
      return failure === undefined ? Promise.resolve() : Promise.reject(failure);
    },
  });
  const context = new InvocationContext({
    functionName: "processVideo",
    ...(metadata !== undefined && { triggerMetadata: metadata }),
    logHandler: (level, line) => {
      logged.push({ level, ...(JSON.parse(String(line)) as object) });
    },
  });
  const done = await Promise.resolve(handler(Buffer.from("{}"), context)).then(
    () => "done",
    (error: unknown) => error,
  );
  return { seen, logged, done };
}

const params = () => ({
  tenantId: newId(prefixes.tenant),
  surveyId: newId(prefixes.survey),
  videoId: newId(prefixes.video),
});

it("opens the scope of the tenant that the path names", async () => {
  const { tenantId, ...rest } = params();
  const { seen } = await arrive({ tenantId, ...rest, blobTrigger: "ingest/x", other: "not a parameter" });
  expect(seen).toHaveLength(1);
  expect(seen[0]).toMatchObject({
    tenant: { tenantId, action: "processVideo", actor: { type: "system", id: "processVideo" } },
  });
  expect(seen[0]?.params).toEqual({ tenantId, ...rest });
});

describe("a name that is not ours", () => {
  const wrong: (Record<string, unknown> | undefined)[] = [
    undefined,
    {},
    { ...params(), tenantId: platformTenantId },
    { ...params(), tenantId: "tnt_1" },
    { ...params(), tenantId: newId(prefixes.survey) },
    { ...params(), tenantId: `${params().tenantId}\n` },
    { ...params(), tenantId: [params().tenantId] },
    { ...params(), surveyId: newId(prefixes.video) },
    { ...params(), surveyId: "../x" },
    { ...params(), videoId: "" },
    { ...params(), videoId: undefined },
  ];
  it.each(wrong)("is reported, once, and opens nothing: %j", async (metadata) => {
    const { seen, logged, done } = await arrive(metadata);
    expect([seen, done]).toEqual([[], "done"]);
    expect(logged).toMatchObject([{ level: "error", event: "blob_path_invalid" }]);
  });
});

it("throws a failure back to the host, which delivers again", async () => {
  const failure = new Error("not now");
  const { logged, done } = await arrive(params(), failure);
  expect(done).toBe(failure);
  expect(logged).toMatchObject([{ level: "error", event: "blob_failed", function: "processVideo" }]);
});
