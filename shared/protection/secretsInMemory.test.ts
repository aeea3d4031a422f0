import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { caFile } from "../../local/certificates.ts";
import { secretClient } from "./vault.ts";
import { type VaultForTests, startVaultForTests } from "./vaultForTests.ts";

let local: VaultForTests;

beforeAll(async () => {
  local = await startVaultForTests();
});
afterAll(() => local.close());

test("no live object of a process that used a secret holds it", async () => {
  const [cached, held] = [randomBytes(24).toString("hex"), randomBytes(24).toString("hex")];
  await secretClient().setSecret("cached", cached);
  await secretClient().setSecret("held", held);
  const snapshot = join(local.dir, "process.heapsnapshot");
  const holder = join(import.meta.dirname, "secretHolderForTests.ts");
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [holder, snapshot], {
    env: { ...process.env, NODE_EXTRA_CA_CERTS: caFile(join(local.dir, "tls")) },
  });
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toEqual({ lengths: [48, 48, 48], held: 48 });
  const heap = await readFile(snapshot);
  // The one kept on purpose shows that the search finds what is there.
  expect(heap.includes(held)).toBe(true);
  expect(heap.includes(cached)).toBe(false);
});
