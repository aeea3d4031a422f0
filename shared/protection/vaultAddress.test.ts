import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { secretClient, vaultKeyWrap } from "./vault.ts";
import { type VaultForTests, startVaultForTests } from "./vaultForTests.ts";

let local: VaultForTests;
beforeAll(async () => {
  local = await startVaultForTests();
  // The same vault by another name, which its challenge does not name either.
  vi.stubEnv("VAULT_URL", local.vault.url.replace("localhost", "127.0.0.1"));
});
afterAll(() => local.close());

test("a vault whose challenge names another domain than its own gets no token, unless it is the local one", async () => {
  await expect(secretClient().getSecret("x")).rejects.toThrow("does not match the requested domain");
  await expect(vaultKeyWrap.unwrap("AAAA", "0".repeat(32))).rejects.toThrow("does not match the requested domain");
});
