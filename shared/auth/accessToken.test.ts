import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type JWTPayload, exportJWK } from "jose";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { setClockForTests } from "../clock.ts";
import { type VaultForTests, startVaultForTests } from "../protection/vaultForTests.ts";
import { verifyAccessToken } from "./accessToken.ts";
import { type Forgery, forgedTokens } from "./forgedTokensForTests.ts";
import { type IssuerForTests, audience, claimsOf, operatorEmail, startIssuerForTests } from "./issuerForTests.ts";

let local: VaultForTests;
let issuer: IssuerForTests;
let canary: Server;
let canaryUrl: string;
const canaryHits: string[] = [];
const strange = generateKeyPairSync("rsa", { modulusLength: 2048 });

beforeAll(async () => {
  local = await startVaultForTests();
  issuer = await startIssuerForTests(local);
  const jwk = { ...(await exportJWK(strange.publicKey)), kid: "canary", alg: "RS256", use: "sig" };
  canary = createServer((request, response) => {
    if (request.url === "/moved") {
      response.writeHead(302, { location: "/keys" }).end();
      return;
    }
    canaryHits.push(request.url ?? "");
    response.end(JSON.stringify({ keys: [jwk] }));
  });
  await new Promise<void>((resolve) => canary.listen(0, "127.0.0.1", resolve));
  canaryUrl = `http://127.0.0.1:${(canary.address() as AddressInfo).port}/keys`;
});
afterEach(() => {
  setClockForTests();
  vi.restoreAllMocks();
});
afterAll(async () => {
  canary.close();
  await issuer.close();
  await local.close();
});

const claims = (changes: JWTPayload = {}): JWTPayload => ({ ...claimsOf(issuer.url), ...changes });
const seconds = (offset: number) => Math.floor(Date.now() / 1000) + offset;
const publicKey = () => createPublicKey(issuer.privateKey);

it("believes the issuer's tokens", async () => {
  expect(await verifyAccessToken(await issuer.signIn("anna@example.com", "tnt_1"))).toEqual({
    issuer: issuer.url,
    subject: expect.stringMatching(/^[\w-]{43}$/u) as string,
    tenantId: "tnt_1",
    operator: false,
  });
  expect(await verifyAccessToken(await issuer.signIn(operatorEmail))).toMatchObject({ operator: true });
});

describe("a token that is all right in another way", () => {
  const right: [name: string, token: () => Promise<string>][] = [
    ["typ in capitals", () => issuer.sign({ typ: "AT+JWT" })],
    ["typ in full", () => issuer.sign({ typ: "application/at+jwt" })],
    ["typ JWT with Entra's scopes", () => issuer.sign({ typ: "JWT" }, claims({ scp: "access" }))],
    ["typ JWT with scopes of RFC 8693", () => issuer.sign({ typ: "JWT" }, claims({ scope: "access" }))],
    ["several audiences", () => issuer.sign({}, claims({ aud: ["other", audience] }))],
    ["expired within the clocks' difference", () => issuer.sign({}, claims({ exp: seconds(-10) }))],
    ["roles of something else", () => issuer.sign({}, claims({ roles: ["operator"] }))],
    ["roles and tenant of strange types", () => issuer.sign({}, claims({ roles: "platform_operator", tenant_id: 7 }))],
  ];
  it.each(right)("is believed: %s", async (_name, token) => {
    expect(await verifyAccessToken(await token())).toEqual({
      issuer: issuer.url,
      subject: "somebody",
      operator: false,
    });
  });
});

it("a forged token is refused, and asks nobody but the issuer", async () => {
  const fetching = vi.spyOn(globalThis, "fetch");
  const forged: readonly Forgery[] = [
    ...forgedTokens({ ...issuer, audience }, claims(), canaryUrl),
    ["something huge", () => issuer.sign({ x: "x".repeat(1_000_000) }, claims({ aud: "another-api" }))],
  ];
  for (const [name, token] of forged)
    await expect(verifyAccessToken(await token()), name).rejects.toMatchObject({
      code: "unauthenticated",
      cause: expect.any(Error) as Error,
    });
  for (const [address] of fetching.mock.calls)
    expect(String(address instanceof Request ? address.url : address)).toMatch(new RegExp(`^${issuer.url}/`, "u"));
  expect(canaryHits).toEqual([]);
});

it("a token issued within the clocks' difference is believed, and none that is issued later", async () => {
  const at = seconds(0);
  setClockForTests(() => new Date(at * 1000));
  await expect(verifyAccessToken(await issuer.sign({}, claims({ iat: at + 30 })))).resolves.toBeDefined();
  await expect(verifyAccessToken(await issuer.sign({}, claims({ iat: at + 31 })))).rejects.toMatchObject({
    code: "unauthenticated",
  });
});

describe("a verified token", () => {
  const later = (milliseconds: number) => {
    const at = Date.now() + milliseconds;
    setClockForTests(() => new Date(at));
  };

  it("is remembered for a minute", async () => {
    const token = await issuer.sign();
    const begin = Date.now();
    const at = (milliseconds: number) => {
      setClockForTests(() => new Date(begin + milliseconds));
    };
    at(0);
    const first = await verifyAccessToken(token);
    at(59_999);
    expect(await verifyAccessToken(token)).toBe(first);
    at(60_000);
    const again = await verifyAccessToken(token);
    expect(again).not.toBe(first);
    expect(again).toEqual(first);
  });

  it("is not believed longer than it says itself", async () => {
    const token = await issuer.sign({}, claims({ exp: seconds(5) }));
    await verifyAccessToken(token);
    later(40_000);
    await expect(verifyAccessToken(token)).rejects.toMatchObject({ code: "unauthenticated" });
  });

  it("says nothing for one that only ends like it", async () => {
    const token = await issuer.sign();
    await verifyAccessToken(token);
    await expect(verifyAccessToken(`x${token}`)).rejects.toMatchObject({ code: "unauthenticated" });
  });
});

type Answers = Readonly<Record<string, (init?: RequestInit) => Promise<Response> | Response>>;

/** The module as in a new process, with what the issuer's addresses answer. */
async function withAnswers(answers: Answers) {
  const original = globalThis.fetch;
  vi.spyOn(globalThis, "fetch").mockImplementation(async (address, init) => {
    const path = new URL(address instanceof Request ? address.url : address).pathname;
    return (await answers[path]?.(init)) ?? (await original(address, init));
  });
  vi.resetModules();
  return await import("./accessToken.ts");
}

it("takes one algorithm, even from keys that say nothing of theirs", async () => {
  const keys = () => Response.json({ keys: [{ ...publicKey().export({ format: "jwk" }), kid: issuer.kid }] });
  const { verifyAccessToken: verify } = await withAnswers({ "/jwks": keys });
  await expect(verify(await issuer.sign())).resolves.toBeDefined();
  for (const alg of ["RS384", "RS512", "PS256"])
    await expect(verify(await issuer.sign({ alg }))).rejects.toMatchObject({ code: "unauthenticated" });
});

it.each(["/", "/company/v2.0", "/company/v2.0/"])("asks an issuer beneath its own name: %s", async (path) => {
  const name = issuer.url + path;
  vi.stubEnv("OIDC_ISSUER", name);
  const metadata = () => Response.json({ issuer: name, jwks_uri: `${issuer.url}/jwks` });
  const beneath = `${path.replace(/\/$/u, "")}/.well-known/openid-configuration`;
  const { verifyAccessToken: verify } = await withAnswers({ [beneath]: metadata });
  await expect(verify(await issuer.sign({}, claims({ iss: name })))).resolves.toMatchObject({ issuer: name });
  await expect(verify(await issuer.sign())).rejects.toMatchObject({ code: "unauthenticated" });
  vi.stubEnv("OIDC_ISSUER", issuer.url);
});

describe("an issuer that does not answer", () => {
  const discovery = "/.well-known/openid-configuration";
  const metadata = (changes: object, status = 200) =>
    Response.json({ issuer: issuer.url, jwks_uri: `${issuer.url}/jwks`, ...changes }, { status });
  const down = () => Promise.reject(new TypeError("fetch failed"));

  const { fetch } = globalThis;
  const redirected = (init?: RequestInit) => fetch(new URL("/moved", canaryUrl), init);

  const outages: [name: string, answers: Answers][] = [
    ["no metadata", { [discovery]: down }],
    ["an error for metadata", { [discovery]: () => metadata({}, 503) }],
    ["a redirect for metadata", { [discovery]: redirected }],
    ["no address of keys", { [discovery]: () => metadata({ jwks_uri: undefined }) }],
    ["no JSON for metadata", { [discovery]: () => new Response("<html>") }],
    ["metadata of another issuer", { [discovery]: () => metadata({ issuer: "https://login.example.com" }) }],
    ["keys behind http", { [discovery]: () => metadata({ jwks_uri: "http://localhost/jwks" }) }],
    ["no keys", { "/jwks": down }],
    ["an error for keys", { "/jwks": () => new Response("", { status: 500 }) }],
    ["a redirect for keys", { "/jwks": () => new Response("", { status: 302, headers: { location: canaryUrl } }) }],
    ["no JSON for keys", { "/jwks": () => new Response("<html>") }],
    ["no keys in the key set", { "/jwks": () => Response.json({}) }],
  ];
  it.each(outages)("makes the answer unavailable, for as long as that lasts: %s", async (_name, answers) => {
    const token = await issuer.sign();
    const { verifyAccessToken: verify } = await withAnswers(answers);
    await expect(verify(token)).rejects.toMatchObject({ code: "unavailable", details: { retryAfter: 2 } });
    vi.restoreAllMocks();
    await expect(verify(token)).resolves.toMatchObject({ subject: "somebody" });
    expect(canaryHits).toEqual([]);
  });
});
