import { KeyClient } from "@azure/keyvault-keys";
import { afterAll, beforeAll, expect, test } from "vitest";
import { identity } from "../identity.ts";
import { isSignedBy } from "./signature.ts";
import { asPublicKey, publicKey, sign } from "./signing.ts";
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

function without<T extends object>(whole: T, member: keyof T): T {
  const rest = { ...whole };
  Reflect.deleteProperty(rest, member);
  return rest;
}

/** Of 256 bytes the last character's lower four bits mean nothing. */
const nextCharacter = (character: string) => String.fromCharCode(character.charCodeAt(0) + 1);

test("a signature is its key's, of its message, and of nothing else", async () => {
  const { signature, key } = await sign("log-seal", () => message);
  expect(isSignedBy(key, message, signature)).toBe(true);
  expect(isSignedBy(key, Buffer.from("what is signeD"), signature)).toBe(false);
  expect(isSignedBy(key, Buffer.concat([message, message]), signature)).toBe(false);
  const bytes = Buffer.from(signature.value, "base64url");
  for (const at of [0, 100, bytes.length - 1]) {
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
    expect(isSignedBy(key, message, { ...signature, value: changed.toString("base64url") })).toBe(false);
  }
  const padded = `${signature.value.slice(0, -1)}${nextCharacter(signature.value.at(-1) ?? "")}`;
  expect(Buffer.from(padded, "base64url")).toEqual(bytes);
  for (const value of ["", "AA", signature.value.slice(0, -4), padded])
    expect(isSignedBy(key, message, { ...signature, value })).toBe(false);
});

test("a public key has the members of RFC 7517 and the name of its version", async () => {
  const { key, properties } = await keys.getKey("log-seal");
  expect(await publicKey("log-seal")).toEqual({
    ...{ kty: "RSA", alg: "PS256", use: "sig" },
    kid: `log-seal/${properties.version}`,
    n: Buffer.from(key?.n ?? []).toString("base64url"),
    e: "AQAB",
  });
});

test("a signature that names another key is not that key's, whoever made it", async () => {
  const { signature, key } = await sign("log-seal", () => message);
  expect(isSignedBy({ ...key, kid: "log-seal/other" }, message, signature)).toBe(false);
  expect(isSignedBy(key, message, { ...signature, kid: "log-seal/other" })).toBe(false);
});

test("a public key that is broken has signed nothing", async () => {
  const { signature, key } = await sign("log-seal", () => message);
  for (const broken of [{ n: "" }, { n: "!" }, { e: "" }, { n: "AQAB" }])
    expect(isSignedBy({ ...key, ...broken }, message, signature)).toBe(false);
});

test("what is no RSA key with a version has no public key", async () => {
  const whole = await keys.getKey("log-seal");
  expect(asPublicKey(whole).kid).toBe(`log-seal/${whole.properties.version}`);
  for (const member of ["n", "e"] as const)
    expect(() => asPublicKey({ ...whole, key: without(whole.key ?? {}, member) })).toThrow("no RSA key with a version");
  const properties = without(whole.properties, "version");
  expect(() => asPublicKey({ ...whole, properties })).toThrow("no RSA key with a version");
});

test("what was signed before a rotation is verified by the version that signed it", async () => {
  const before = await sign("log-seal", () => message);
  await keys.rotateKey("log-seal");
  const after = await sign("log-seal", () => message);
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
  await expect(sign("log-seal", () => message)).rejects.toMatchObject({ statusCode: 404 });
  await keys.beginRecoverDeletedKey("log-seal").then((poller) => poller.pollUntilDone());
  await keys.createRsaKey("log-seal", { keySize: 2048, keyOps: ["wrapKey"] });
  await expect(sign("log-seal", () => message)).rejects.toThrow();
  await planFault(vault.vault, { status: 403, times: 1 });
  await expect(sign("log-seal", () => message)).rejects.toMatchObject({ statusCode: 403 });
});
