import { createPrivateKey } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type JWTPayload, SignJWT, calculateJwkThumbprint, decodeJwt, exportJWK } from "jose";
import { ulid } from "ulid";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stop } from "../../local/service.ts";
import { type Signer, forgedTokens } from "../../shared/auth/forgedTokensForTests.ts";
import { newSecret, secretHash } from "../../shared/protection/oneTimeToken.ts";
import { bytes, item, write } from "../support/contracts.ts";
import { stackUnderTest } from "../support/stackUnderTest.ts";
import { type TestTenant, api, expectApi, newSurvey, newTenant } from "../support/tenant.ts";

/** An address that tokens name for keys, and nobody asks. */
const hits: string[] = [];
const canary = createServer((request, response) => {
  hits.push(request.url ?? "");
  response.end("{}");
});

let tenant: TestTenant;
let elsewhere: TestTenant;
beforeAll(async () => {
  await new Promise<void>((resolve) => canary.listen(0, "127.0.0.1", resolve));
  [tenant, elsewhere] = await Promise.all([newTenant(), newTenant()]);
});
afterAll(() => stop(canary));

/** Every one is refused in the same words, and the genuine one is taken before and after. */
async function expectRefused(operation: string, genuine: string, forged: readonly (readonly [string, string])[]) {
  await expectApi(operation, 200, { token: genuine });
  const refused = bytes(await api(operation, { token: "x".repeat(40) }));
  expect(refused).toMatch(/^401 .*"unauthenticated"/u);
  for (const [what, token] of forged) {
    expect(token, what).not.toBe(genuine);
    expect([what, bytes(await api(operation, { token }))]).toEqual([what, refused]);
  }
  await expectApi(operation, 200, { token: genuine });
}

/** The stack's own issuer, by its stored key: what it would sign wrongly must be refused, too. */
async function stackSigner(claims: JWTPayload): Promise<Signer> {
  const { issuerUrl, dataDir } = stackUnderTest();
  const { key } = JSON.parse(await readFile(join(dataDir, "issuer", "issuer.json"), "utf8")) as { key: string };
  const privateKey = createPrivateKey(key);
  const { kty = "RSA", n = "", e = "" } = await exportJWK(privateKey);
  const kid = await calculateJwkThumbprint({ kty, n, e });
  return {
    url: issuerUrl,
    kid,
    privateKey,
    audience: String(claims.aud),
    sign: (header = {}, own = claims) =>
      new SignJWT(own).setProtectedHeader({ alg: "RS256", typ: "at+jwt", kid, ...header }).sign(privateKey),
  };
}

test("forged access tokens of a real member open nothing, and nobody is asked for their keys", async () => {
  const claims = decodeJwt(tenant.owner.token);
  const signer = await stackSigner(claims);
  const canaryUrl = `http://127.0.0.1:${(canary.address() as AddressInfo).port}/keys`;
  const forged = await Promise.all(
    forgedTokens(signer, claims, canaryUrl).map(async ([what, token]) => [what, await token()] as const),
  );
  expect(forged.length).toBeGreaterThan(45);
  // The signer makes what is believed, so each forgery is refused for its own flaw.
  await expectRefused(
    "GET /v1/tenant",
    await signer.sign(),
    forged.filter(([, token]) => token !== ""),
  );
  expect(hits).toEqual([]);
});

interface Key {
  readonly id: string;
  readonly credential: string;
}
const inADay = () => new Date(Date.now() + 86_400_000).toISOString();

async function newKey({ owner }: TestTenant): Promise<Key> {
  const body = { name: "Planning", scopes: ["surveys:read"], expiresAt: inADay() };
  return (await expectApi<Key>("POST /v1/keys", 201, { token: owner.token, body })).body;
}

/** A key that is written past the app, with another end or status. */
async function storedKey(tenantId: string, more: object): Promise<string> {
  const [id, secret] = [`key_${ulid()}`, newSecret()];
  const fields = { name: "x", scopes: ["surveys:read"], expiresAt: inADay(), createdBy: "x", status: "active" };
  await write(tenantId, [item(tenantId, "apiKey", id, { ...fields, secretHash: secretHash(secret), ...more })]);
  return `cpk_${tenantId}.${id}.${secret}`;
}

test("forged service keys open nothing", async () => {
  const [own, sibling, revoked, foreign] = [
    await newKey(tenant),
    await newKey(tenant),
    await newKey(tenant),
    await newKey(elsewhere),
  ];
  await expectApi(`DELETE /v1/keys/${revoked.id}`, 204, { token: tenant.owner.token });
  const secretOf = ({ credential }: Key) => credential.split(".")[2] ?? "";
  const secret = secretOf(own);
  const of = (secretText: string, id = own.id, tenantId = tenant.id) => `cpk_${tenantId}.${id}.${secretText}`;
  expect(of(secret)).toBe(own.credential);
  await expectApi("GET /v1/surveys", 200, { token: await storedKey(tenant.id, {}) });
  const { link, guest } = await newSurvey(tenant);
  const linkToken = new URL(link).hash.slice(1);
  await expectRefused("GET /v1/surveys", own.credential, [
    ["another secret", of(newSecret())],
    ["a sibling's secret", of(secretOf(sibling))],
    ["a sibling's id", of(secret, sibling.id)],
    ["another tenant's id", of(secret, own.id, elsewhere.id)],
    ["another tenant's key", of(secretOf(foreign), foreign.id)],
    ["a tenant that is none", of(secret, own.id, `tnt_${ulid()}`)],
    ["the platform", of(secret, own.id, "platform")],
    ["a key that is none", of(secret, `key_${ulid()}`)],
    ["the member's id", of(secret, tenant.owner.id)],
    ["the hash for a secret", of(secretHash(secret))],
    ["the hash in base64", of(Buffer.from(secretHash(secret), "hex").toString("base64url"))],
    ["a secret cut off", of(secret.slice(0, -1))],
    ["a secret that goes on", of(`${secret}A`)],
    ["in capitals", own.credential.toUpperCase()],
    ["in small letters", own.credential.toLowerCase()],
    ["without its prefix", own.credential.slice(4)],
    ["as a guest session", `gs.${own.credential.slice(4)}`],
    ["a link's token", linkToken],
    ["a link's token as a key", `cpk_${linkToken}`],
    ["a guest session as a key", guest.replace("gs.", "cpk_")],
    ["a part more", `${own.credential}.x`],
    ["revoked", revoked.credential],
    ["expired", await storedKey(tenant.id, { expiresAt: new Date(Date.now() - 1_000).toISOString() })],
    ["of an end that is none", await storedKey(tenant.id, { expiresAt: "" })],
  ]);
});

test("forged guest sessions open nothing", async () => {
  const [own, foreign] = [await newSurvey(tenant), await newSurvey(elsewhere)];
  const payload = own.guest.split(".")[2] ?? "";
  const linkToken = new URL(own.link).hash.slice(1);
  const flipped = (at: number) => {
    const changed = Buffer.from(payload, "base64url");
    changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
    return changed.toString("base64url");
  };
  const places = [...Buffer.from(payload, "base64url").keys()];
  const { credential } = await newKey(tenant);
  await expectRefused("GET /v1/guest/survey", own.guest, [
    ...places.map((at) => [`byte ${at} changed`, `gs.${tenant.id}.${flipped(at)}`] as const),
    ["another tenant's id", `gs.${elsewhere.id}.${payload}`],
    ["another tenant's payload", `gs.${tenant.id}.${foreign.guest.split(".")[2] ?? ""}`],
    ["the platform", `gs.platform.${payload}`],
    ["no tenant", `gs..${payload}`],
    ["no payload", `gs.${tenant.id}.`],
    ["cut off", own.guest.slice(0, -1)],
    ["longer", `${own.guest}A`],
    ["padded", `${own.guest}=`],
    ["a part more", `${own.guest}.x`],
    ["in capitals", own.guest.toUpperCase()],
    ["without its prefix", own.guest.slice(3)],
    ["the link's token", linkToken],
    ["the link's token as a session", `gs.${linkToken}`],
    ["a service key as a session", credential.replace("cpk_", "gs.")],
  ]);
});
