import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRemoteJWKSet, decodeJwt, jwtVerify } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadCertificates, trust } from "./certificates.ts";
import { localSignIn, startIssuer } from "./issuer.ts";
import type { LocalService } from "./service.ts";

let dir: string;
let issuer: LocalService;
const start = async (port = 0) =>
  startIssuer({
    port,
    dataDir: join(dir, "issuer"),
    tls: await loadCertificates(join(dir, "tls")),
    operatorEmail: "Operator@example.com",
  });

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "callpilot-issuer-"));
  trust((await loadCertificates(join(dir, "tls"))).ca);
  issuer = await start();
});

afterAll(async () => {
  await issuer.close();
  await rm(dir, { recursive: true });
});

const ask = (form: Record<string, string>) =>
  fetch(`${issuer.url}/token`, { method: "POST", body: new URLSearchParams(form) });

async function signIn(email: string, more: Record<string, string> = {}): Promise<string> {
  const answer = await ask({ grant_type: localSignIn, email, ...more });
  expect(answer.status).toBe(200);
  expect(answer.headers.get("cache-control")).toBe("no-store");
  const { access_token: token } = (await answer.json()) as { access_token: string };
  return token;
}

test("a token verifies as discovery describes", async () => {
  const discovery = (await (await fetch(`${issuer.url}/.well-known/openid-configuration`)).json()) as {
    issuer: string;
    jwks_uri: string;
  };
  expect(discovery.issuer).toBe(issuer.url);
  const { payload, protectedHeader } = await jwtVerify(
    await signIn("Anna.Meier@example.com", { tenant: "tnt_1" }),
    createRemoteJWKSet(new URL(discovery.jwks_uri)),
    { issuer: issuer.url, audience: "callpilot-api", typ: "at+jwt", algorithms: ["RS256"] },
  );
  expect(protectedHeader.kid).toEqual(expect.any(String));
  expect(payload).toMatchObject({ email: "anna.meier@example.com", name: "Anna Meier", tenant_id: "tnt_1" });
  expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(3600);
  expect(payload["roles"]).toBeUndefined();
});

test("an address keeps its subject, which does not show it; the tenant is that of the last sign-in", async () => {
  const claims = async (email: string, more?: Record<string, string>) => decodeJwt(await signIn(email, more));
  const first = await claims("ben@example.com", { tenant: "tnt_1" });
  expect(first.sub).toMatch(/^[\w-]{43}$/u);
  expect((await claims("BEN@example.com", { tenant: "tnt_2" })).sub).toBe(first.sub);
  expect((await claims("ben@example.com"))["tenant_id"]).toBe("tnt_2");
  expect((await claims("carl@example.com"))["tenant_id"]).toBeUndefined();
  expect((await claims("carl@example.com")).sub).not.toBe(first.sub);
});

test("the operator has the operator's role", async () => {
  const one = decodeJwt(await signIn("operator@example.com"));
  const other = decodeJwt(await signIn("operator+night@example.com"));
  expect([one["roles"], other["roles"]]).toEqual([["platform_operator"], ["platform_operator"]]);
  expect(other.sub).not.toBe(one.sub);
  for (const nobody of ["operator+x@example.org", "x+operator@example.com"])
    expect(decodeJwt(await signIn(nobody))).not.toHaveProperty("roles");
});

test("a token can be made short", async () => {
  const { exp = 0, iat = 0 } = decodeJwt(await signIn("ben@example.com", { expires_in: "2" }));
  expect(exp - iat).toBe(2);
});

test.each([
  ["no grant type", { email: "a@example.com" }, "invalid_request"],
  ["another grant type", { grant_type: "password", email: "a@example.com" }, "unsupported_grant_type"],
  ["no address", { grant_type: localSignIn }, "invalid_request"],
  [
    "an impossible lifetime",
    { grant_type: localSignIn, email: "a@example.com", expires_in: "99999" },
    "invalid_request",
  ],
  ["an impossible tenant", { grant_type: localSignIn, email: "a@example.com", tenant: "a/b" }, "invalid_request"],
])("%s is an RFC 6749 error", async (_case, form, error) => {
  const answer = await ask(form);
  expect(answer.status).toBe(400);
  expect(await answer.json()).toEqual({ error, error_description: expect.any(String) as string });
});

test("tokens, subjects and tenants outlive the process", async () => {
  const token = await signIn("dora@example.com", { tenant: "tnt_9" });
  const port = Number(new URL(issuer.url).port);
  await issuer.close();
  issuer = await start(port);
  const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(`${issuer.url}/jwks`)), { issuer: issuer.url });
  expect(decodeJwt(await signIn("dora@example.com"))).toMatchObject({ sub: payload.sub, tenant_id: "tnt_9" });
});
