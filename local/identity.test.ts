import { ManagedIdentityCredential } from "@azure/identity";
import { decodeJwt } from "jose";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { startIdentity } from "./identity.ts";

let identity: Awaited<ReturnType<typeof startIdentity>>;

beforeAll(async () => {
  identity = await startIdentity({ port: 0 });
  vi.stubEnv("IDENTITY_ENDPOINT", identity.settings.IDENTITY_ENDPOINT);
  vi.stubEnv("IDENTITY_HEADER", identity.settings.IDENTITY_HEADER);
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await identity.close();
});

test("a managed identity gets a token for the resource it asks for", async () => {
  const { token, expiresOnTimestamp } = await new ManagedIdentityCredential().getToken(
    "https://vault.azure.net/.default",
  );
  const claims = decodeJwt(token);
  expect(claims).toMatchObject({ aud: "https://vault.azure.net", idtyp: "app", exp: expiresOnTimestamp / 1000 });
  expect(claims.iss).toMatch(/^https:\/\/sts\.windows\.net\//u);
  expect(expiresOnTimestamp).toBeGreaterThan(Date.now());
});

test.each([
  ["without the header", {}, "api-version=2019-08-01&resource=https://vault.azure.net", 401],
  ["with another header", { "x-identity-header": "x" }, "api-version=2019-08-01&resource=https://vault.azure.net", 401],
  ["of another protocol version", undefined, "api-version=2017-09-01&resource=https://vault.azure.net", 400],
  ["without a resource", undefined, "api-version=2019-08-01", 400],
])("a request %s gets no token", async (_case, headers, query, status) => {
  const answer = await fetch(`${identity.settings.IDENTITY_ENDPOINT}?${query}`, {
    headers: headers ?? { "x-identity-header": identity.settings.IDENTITY_HEADER },
  });
  expect(answer.status).toBe(status);
  expect(await answer.json()).toEqual({ statusCode: status, message: expect.any(String) as string });
});
