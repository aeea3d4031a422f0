import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { NoBicep, bicepCli } from "./cli.ts";
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
});
