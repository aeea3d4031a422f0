import { afterAll, beforeAll, expect, test } from "vitest";
import { now } from "../clock.ts";
import { keyRing, protectionReady, provideRingStore, rotateKeyRing } from "./protection.ts";
import { protector } from "./protector.ts";
import { parseRing } from "./ringDocument.ts";
import { memoryStore } from "./ringStoreForTests.ts";
import { renewSecrets } from "./rotateSecrets.ts";
import { SecretUnavailable, ownSecretsReady, secrets } from "./secrets.ts";
import { secretClient } from "./vault.ts";
import { type VaultForTests, startVaultForTests } from "./vaultForTests.ts";

const day = 86_400_000;
const store = memoryStore();

let local: VaultForTests;
beforeAll(async () => {
  local = await startVaultForTests();
});
afterAll(() => local.close());

const keysInStore = async () => parseRing((await store.read())?.document).keys;

test("nothing is protected before the process was told where its ring is kept", async () => {
  await expect(protectionReady()).rejects.toThrow("compose() has to run");
  provideRingStore(store);
  await expect(protectionReady()).resolves.toBeUndefined();
});

test("this process has one ring, which its worker makes, and adds to when a key is due", async () => {
  provideRingStore(store);
  await protectionReady();
  expect(await keysInStore()).toHaveLength(1);
  const payload = await protector("tnt_1", "test").protect("x");
  await rotateKeyRing(now());
  expect(await keysInStore()).toHaveLength(1);
  await rotateKeyRing(new Date(now().getTime() + 88 * day));
  expect(await keysInStore()).toHaveLength(2);
  expect((await protector("tnt_1", "test").unprotect(payload)).toString()).toBe("x");
  expect(keyRing()).toBe(keyRing());
});

test("this process is ready to use its own secrets once each of them is in the vault", async () => {
  provideRingStore(store);
  await expect(ownSecretsReady()).rejects.toThrow(SecretUnavailable);
  await renewSecrets(secretClient(), now());
  await expect(ownSecretsReady()).resolves.toBeUndefined();
  expect(await secrets.use("address-hash-key", (bytes) => bytes.length)).toBe(43);
});
