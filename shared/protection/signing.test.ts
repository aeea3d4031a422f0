import { KeyClient } from "@azure/keyvault-keys";
import { afterAll, beforeAll, expect, test } from "vitest";
import { identity } from "../identity.ts";
import { isSignedBy } from "./signature.ts";
import { publicKey, sign } from "./signing.ts";
import { type VaultForTests, planFault, startVaultForTests } from "./vaultForTests.ts";

let vault: VaultForTests;
let keys: KeyClient;
const message = Buffer.from("what is signed");

beforeAll(async () => {
  vault = await startVaultForTests();
  keys = new KeyClient(vault.vault.url, identity(), { disableChallengeResourceVerification: true });
  await keys.createRsaKey("log-seal", { keySize: 2048, keyOps: ["sign", "verify"] });
});
afterAll(() => vault.close());

test("a signature is its key's, of its message, and of nothing else", async () => {
  const { signature, key } = await sign("log-seal", message);
  expect(isSignedBy(key, message, signature)).toBe(true);
  expect(isSignedBy(key, Buffer.from("what is signeD"), signature)).toBe(false);
  expect(isSignedBy(key, Buffer.concat([message, message]), signature)).toBe(false);
  const bytes = Buffer.from(signature.value, "base64url");
  for (const at of [0, 100, bytes.length - 1]) {
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
    expect(isSignedBy(key, message, { ...signature, value: changed.toString("base64url") })).toBe(false);
  }
  for (const value of ["", "AA", signature.value.slice(0, -4)])
    expect(isSignedBy(key, message, { ...signature, value })).toBe(false);
});

test("what was signed before a rotation is verified by the version that signed it", async () => {
  const before = await sign("log-seal", message);
  await keys.rotateKey("log-seal");
  const after = await sign("log-seal", message);
  expect(after.key.kid).not.toBe(before.key.kid);
  expect(isSignedBy(after.key, message, after.signature)).toBe(true);
  expect(isSignedBy(after.key, message, before.signature)).toBe(false);
  // Whoever names another key as its maker does not make it that key's.
  expect(isSignedBy(after.key, message, { ...before.signature, kid: after.key.kid })).toBe(false);
  expect(await publicKey("log-seal")).toEqual(after.key);
  expect(await publicKey("log-seal", before.key.kid.split("/")[1])).toEqual(before.key);
});

test("a key that is not made for signing is refused, and a vault that does not answer is an error", async () => {
  await keys.beginDeleteKey("log-seal");
  await expect(sign("log-seal", message)).rejects.toMatchObject({ statusCode: 404 });
  await keys.beginRecoverDeletedKey("log-seal").then((poller) => poller.pollUntilDone());
  await keys.createRsaKey("log-seal", { keySize: 2048, keyOps: ["wrapKey"] });
  await expect(sign("log-seal", message)).rejects.toThrow();
  await planFault(vault.vault, { status: 403, times: 1 });
  await expect(sign("log-seal", message)).rejects.toMatchObject({ statusCode: 403 });
});
