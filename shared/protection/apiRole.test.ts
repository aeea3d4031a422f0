import { afterAll, beforeAll, expect, test } from "vitest";
import { now } from "../clock.ts";
import { protectionReady, provideRingStore } from "./protection.ts";
import { memoryStore } from "./ringStoreForTests.ts";
import { rotateSecrets } from "./rotateSecrets.ts";
import { secretClient, vaultKeyWrap, wrappingKeyReady } from "./vault.ts";
import { type VaultForTests, startVaultForTests } from "./vaultForTests.ts";

let local: VaultForTests;
beforeAll(async () => {
  // Larger than the key that is there.
  local = await startVaultForTests({ CALLPILOT_ROLE: "api", WRAPPING_KEY_BITS: "3072" });
});
afterAll(() => local.close());

test("the api app writes no secret, not even one that is missing", async () => {
  await expect(rotateSecrets(now())).rejects.toThrow("Only the worker app writes secrets");
  expect(await Array.fromAsync(secretClient().listPropertiesOfSecrets())).toEqual([]);
});

test("the api app, which wraps nothing, asks for no key", async () => {
  await expect(wrappingKeyReady()).resolves.toBeUndefined();
  await expect(vaultKeyWrap.wrap(Buffer.alloc(32))).rejects.toThrow("key-ring has 2048 bits");
});

test("the api app makes no key ring", async () => {
  const store = memoryStore();
  provideRingStore(store);
  await expect(protectionReady()).rejects.toThrow("the worker app creates it");
  expect(await store.read()).toBeUndefined();
});
