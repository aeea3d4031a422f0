import { createHash, randomBytes, verify, constants, createPublicKey } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AccessToken } from "@azure/identity";
import { ManagedIdentityCredential } from "@azure/identity";
import { CryptographyClient, KeyClient, type KeyVaultKey } from "@azure/keyvault-keys";
import { SecretClient } from "@azure/keyvault-secrets";
import { SignJWT } from "jose";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { loadCertificates, trust } from "../certificates.ts";
import { startIdentity } from "../identity.ts";
import { type Certificates, LocalError, type LocalService } from "../service.ts";
import { startVault } from "./vault.ts";

let dir: string;
let tls: Certificates;
let identity: Awaited<ReturnType<typeof startIdentity>>;
let vault: LocalService;
let secrets: SecretClient;
let keys: KeyClient;
const local = { disableChallengeResourceVerification: true, retryOptions: { retryDelayInMs: 1, maxRetries: 3 } };

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "callpilot-vault-"));
  tls = await loadCertificates(join(dir, "tls"));
  trust(tls.ca);
  identity = await startIdentity({ port: 0 });
  vi.stubEnv("IDENTITY_ENDPOINT", identity.settings.IDENTITY_ENDPOINT);
  vi.stubEnv("IDENTITY_HEADER", identity.settings.IDENTITY_HEADER);
  vault = await startVault({ port: 0, dataDir: join(dir, "vault"), tls });
  secrets = new SecretClient(vault.url, new ManagedIdentityCredential(), local);
  keys = new KeyClient(vault.url, new ManagedIdentityCredential(), local);
});

afterAll(async () => {
  await Promise.all([vault.close(), identity.close()]);
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true });
});

const cryptography = (key: KeyVaultKey | string) => new CryptographyClient(key, new ManagedIdentityCredential(), local);

async function all<T>(list: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of list) items.push(item);
  return items;
}

/** Asks the vault itself, without the checks that CryptographyClient makes before. */
async function ask(keyId: string | undefined, operation: string, body: object): Promise<unknown> {
  const { token } = await new ManagedIdentityCredential().getToken("https://vault.azure.net/.default");
  const answer = await fetch(`${keyId ?? ""}/${operation}?api-version=7.6`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return answer.json();
}

test("secrets have versions, attributes and lists", async () => {
  const first = await secrets.setSecret("ring", "one", { contentType: "text/plain", tags: { a: "b" } });
  const expiresOn = new Date(2_000_000_000_000);
  const second = await secrets.setSecret("ring", "two", { expiresOn });
  expect((await secrets.getSecret("ring")).value).toBe("two");
  const version = first.properties.version ?? "";
  const old = await secrets.getSecret("ring", { version });
  expect(old).toMatchObject({
    value: "one",
    properties: { contentType: "text/plain", tags: { a: "b" }, enabled: true },
  });
  expect(second.properties.expiresOn).toEqual(expiresOn);

  await secrets.updateSecretProperties("ring", version, { enabled: false });
  await expect(secrets.getSecret("ring", { version })).rejects.toMatchObject({ statusCode: 403, code: "Forbidden" });
  const versions = await all(secrets.listPropertiesOfSecretVersions("ring"));
  expect(versions.map(({ enabled }) => enabled)).toEqual([false, true]);
});

test("lists are paged", async () => {
  const names = Array.from({ length: 30 }, (_, index) => `page-${String(index).padStart(2, "0")}`);
  for (const name of names) await secrets.setSecret(name, "x");
  const pages = await all(secrets.listPropertiesOfSecrets().byPage());
  expect(pages.length).toBeGreaterThan(1);
  expect(pages.flat().map(({ name }) => name)).toEqual(expect.arrayContaining(names));
});

test("a deleted secret is gone, keeps its name, and can be recovered or purged", async () => {
  await secrets.setSecret("lost", "value");
  await (await secrets.beginDeleteSecret("lost", { intervalInMs: 1 })).pollUntilDone();
  await expect(secrets.getSecret("lost")).rejects.toMatchObject({ statusCode: 404, code: "SecretNotFound" });
  await expect(secrets.setSecret("lost", "again")).rejects.toMatchObject({ statusCode: 409, code: "Conflict" });
  expect((await all(secrets.listDeletedSecrets())).map(({ name }) => name)).toEqual(["lost"]);
  await (await secrets.beginRecoverDeletedSecret("lost", { intervalInMs: 1 })).pollUntilDone();
  expect((await secrets.getSecret("lost")).value).toBe("value");
  await (await secrets.beginDeleteSecret("lost", { intervalInMs: 1 })).pollUntilDone();
  await secrets.purgeDeletedSecret("lost");
  expect((await secrets.setSecret("lost", "new")).value).toBe("new");
});

test("a name that every object has is not found", async () => {
  await expect(secrets.getSecret("constructor")).rejects.toMatchObject({ code: "SecretNotFound" });
  expect((await secrets.setSecret("constructor", "mine")).value).toBe("mine");
});

test("a key wraps and unwraps; after a rotation the old version still unwraps", async () => {
  const first = await keys.createRsaKey("wrapping", { keySize: 3072, tags: { use: "ring" } });
  const secret = randomBytes(32);
  const wrapped = await cryptography(first.id ?? "").wrapKey("RSA-OAEP-256", secret);
  const second = await keys.rotateKey("wrapping");
  expect(second.properties).toMatchObject({ tags: { use: "ring" } });
  expect(second.key?.n?.length).toBe(384);
  expect((await keys.getKey("wrapping")).id).toBe(second.id);
  expect(wrapped.keyID).toBe(first.id);
  const old = await keys.getKey("wrapping", { version: first.properties.version ?? "" });
  expect(Buffer.from((await cryptography(old).unwrapKey("RSA-OAEP-256", wrapped.result)).result)).toEqual(secret);
  await expect(cryptography(second).unwrapKey("RSA-OAEP-256", wrapped.result)).rejects.toMatchObject({
    statusCode: 400,
    code: "BadParameter",
  });
  expect((await all(keys.listPropertiesOfKeyVersions("wrapping"))).map(({ id }) => id)).toEqual([first.id, second.id]);
  expect((await all(keys.listPropertiesOfKeys())).map(({ name }) => name)).toContain("wrapping");
});

test("a key encrypts and decrypts", async () => {
  const client = cryptography(await keys.createRsaKey("cipher"));
  const { result } = await client.encrypt({ algorithm: "RSA-OAEP-256", plaintext: Buffer.from("hello") });
  const plain = await client.decrypt({ algorithm: "RSA-OAEP-256", ciphertext: result });
  expect(Buffer.from(plain.result).toString()).toBe("hello");
});

test.each(["RS256", "PS256"])("%s signatures are those of every other implementation", async (algorithm) => {
  const key = await keys.createRsaKey(`signing-${algorithm}`);
  const client = cryptography(key);
  const data = Buffer.from("the head of the log");
  const digest = createHash("sha256").update(data).digest();
  const { result } = await client.sign(algorithm, digest);
  const { n, e } = key.key ?? {};
  const jwk = {
    kty: "RSA",
    n: Buffer.from(n ?? []).toString("base64url"),
    e: Buffer.from(e ?? []).toString("base64url"),
  };
  const padding = algorithm === "PS256" ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING;
  expect(verify("sha256", data, { key: createPublicKey({ key: jwk, format: "jwk" }), padding }, result)).toBe(true);
  expect((await client.verify(algorithm, digest, result)).result).toBe(true);
  expect((await client.verify(algorithm, createHash("sha256").update("other").digest(), result)).result).toBe(false);
  const forged = Buffer.from(result).reverse();
  expect((await client.verify(algorithm, digest, forged)).result).toBe(false);
});

test("a key refuses what it is not for, and everything while disabled", async () => {
  const { id, properties } = await keys.createRsaKey("limited", { keyOps: ["wrapKey", "unwrapKey"] });
  const digest = randomBytes(32).toString("base64url");
  expect(await ask(id, "sign", { alg: "RS256", value: digest })).toMatchObject({ error: { code: "Forbidden" } });
  const { result } = await cryptography(id ?? "").wrapKey("RSA-OAEP-256", randomBytes(32));
  await keys.updateKeyProperties("limited", properties.version ?? "", { enabled: false });
  const wrapped = { alg: "RSA-OAEP-256", value: Buffer.from(result).toString("base64url") };
  expect(await ask(id, "unwrapkey", wrapped)).toMatchObject({ error: { innererror: { code: "KeyDisabled" } } });
});

test("an expired key still unwraps and no longer wraps", async () => {
  const { id, properties } = await keys.createRsaKey("expiring");
  const { result } = await cryptography(id ?? "").wrapKey("RSA-OAEP-256", randomBytes(32));
  await keys.updateKeyProperties("expiring", properties.version ?? "", { expiresOn: new Date(Date.now() - 5000) });
  const value = Buffer.from(result).toString("base64url");
  expect(await ask(id, "wrapkey", { alg: "RSA-OAEP-256", value: "AAAA" })).toMatchObject({
    error: { innererror: { code: "KeyExpired" } },
  });
  expect(await ask(id, "unwrapkey", { alg: "RSA-OAEP-256", value })).toMatchObject({ kid: id });
});

test("without a token the vault names the authority and the resource to ask for", async () => {
  const answer = await fetch(`${vault.url}/secrets?api-version=7.6`);
  expect(answer.status).toBe(401);
  expect(answer.headers.get("www-authenticate")).toMatch(
    /^Bearer authorization="https:\/\/login\.microsoftonline\.com\/[\da-f-]+", resource="https:\/\/vault\.azure\.net"$/u,
  );
  expect(await answer.json()).toMatchObject({ error: { code: "Unauthorized" } });
});

test.each([
  ["for another resource", { aud: "https://storage.azure.com" }, 3600],
  ["that has expired", { aud: "https://vault.azure.net" }, -3600],
])("a token %s is refused", async (_case, claims, expiresIn) => {
  const now = Math.floor(Date.now() / 1000);
  const token = await new SignJWT({ ...claims, exp: now + expiresIn })
    .setProtectedHeader({ alg: "HS256" })
    .sign(randomBytes(32));
  const credential = {
    getToken: () => Promise.resolve<AccessToken>({ token, expiresOnTimestamp: Date.now() + 3_600_000 }),
  };
  const client = new SecretClient(vault.url, credential, local);
  await expect(client.getSecret("ring")).rejects.toMatchObject({ statusCode: 401 });
});

test("faults strike as often as planned, then the vault works again", async () => {
  await secrets.setSecret("steady", "value");
  const plan = (fault: object) => fetch(`${vault.url}/_local/faults`, { method: "POST", body: JSON.stringify(fault) });
  await plan({ status: 503, times: 2 });
  expect((await secrets.getSecret("steady")).value).toBe("value");
  await plan({ status: 503, times: 4 });
  await expect(secrets.getSecret("steady")).rejects.toMatchObject({ statusCode: 503 });
  await plan({ reset: true });
  expect((await secrets.getSecret("steady")).value).toBe("value");
  await plan({ hang: true });
  await expect(secrets.getSecret("steady", { abortSignal: AbortSignal.timeout(100) })).rejects.toThrow("aborted");
  expect((await secrets.getSecret("steady")).value).toBe("value");
  expect((await plan({ status: 200 })).status).toBe(400);
});

test("another vault on the same folder knows everything, and says so when the folder is damaged", async () => {
  await secrets.setSecret("kept", "value");
  const key = await keys.createRsaKey("kept");
  const { result } = await cryptography(key).encrypt({ algorithm: "RSA-OAEP-256", plaintext: Buffer.from("kept") });
  // Nothing is closed before: as after a kill.
  const again = await startVault({ port: 0, dataDir: join(dir, "vault"), tls });
  const client = new SecretClient(again.url, new ManagedIdentityCredential(), local);
  expect((await client.getSecret("kept")).value).toBe("value");
  const id = (key.id ?? "").replace(vault.url, again.url);
  const plain = await cryptography(id).decrypt({ algorithm: "RSA-OAEP-256", ciphertext: result });
  expect(Buffer.from(plain.result).toString()).toBe("kept");
  await again.close();

  const damaged = join(dir, "damaged");
  await (await startVault({ port: 0, dataDir: damaged, tls })).close();
  const file = join(damaged, "vault.json");
  await writeFile(file, "{");
  await expect(startVault({ port: 0, dataDir: damaged, tls })).rejects.toThrow(
    new LocalError(`${file} is damaged: delete it, or begin anew with npm start -- --fresh.`),
  );
});
