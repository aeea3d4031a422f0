import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { NoBicep, bicepCli } from "./cli.ts";
import { types } from "./policy.ts";
import { snapshotOf } from "./snapshots.ts";

const cli = await bicepCli().catch((error: unknown) => {
  if (error instanceof NoBicep) return undefined;
  throw error;
});
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "callpilot-bicep-"));
  await cp(join(import.meta.dirname, "..", "..", "bicep"), folder, { recursive: true });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test.skipIf(cli === undefined)("a misspelt property, which Bicep takes for a warning, is an error", async () => {
  const file = join(folder, "modules", "storage.bicep");
  const source = await readFile(file, "utf8");
  await writeFile(file, source.replace("allowSharedKeyAccess:", "allowSharedKeysAccess:"));
  await expect(snapshotOf(cli ?? "", "sandbox", folder)).rejects.toThrow("allowSharedKeysAccess");
  await writeFile(file, source);
});

test.skipIf(cli === undefined)(
  "as long as nothing is known of the pipeline, nobody takes on an identity or fetches a copy",
  async () => {
    const text = await snapshotOf(cli ?? "", "production", folder, {});
    const { predictedResources } = JSON.parse(text) as { predictedResources: readonly { type: string }[] };
    const found = predictedResources.map(({ type }) => type);
    expect(found).toContain(types.identity);
    expect(found).not.toContain(types.federation);
    expect(text).not.toContain("33333333-3333-3333-3333-333333333333");
  },
);

/** In what order Azure is asked for the resources of a module, which no snapshot tells. */
async function orderIn(module: string): Promise<Readonly<Record<string, Asked | undefined>>> {
  const args = ["build", join(folder, "modules", module), "--stdout"];
  const { stdout } = await promisify(execFile)(cli ?? "", args, { maxBuffer: 64 * 1024 ** 2 });
  return (JSON.parse(stdout) as { readonly resources: Readonly<Record<string, Asked>> }).resources;
}

interface Asked {
  readonly dependsOn?: readonly string[];
  readonly copy?: { readonly mode?: string; readonly batchSize?: number };
}

test.skipIf(cli === undefined)(
  "the account has our topic before Defender would make one: Azure allows one",
  async () => {
    const { defender } = await orderIn("events.bicep");
    expect(defender?.dependsOn).toContain("topic");
  },
);

test.skipIf(cli === undefined)(
  "a network is asked for its subnets one by one: it refuses a second one meanwhile",
  async () => {
    const resources = await orderIn("network.bicep");
    expect(resources["network::each"]?.copy).toMatchObject({ mode: "serial", batchSize: 1 });
  },
);
