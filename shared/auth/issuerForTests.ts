import { type KeyObject, createPrivateKey } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type JWTPayload, SignJWT, calculateJwkThumbprint, exportJWK } from "jose";
import { vi } from "vitest";
import { localSignIn, startIssuer } from "../../local/issuer.ts";
import type { VaultForTests } from "../protection/vaultForTests.ts";

export const operatorEmail = "operator@example.com";
export const audience = "callpilot-api";

export interface IssuerForTests {
  readonly url: string;
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly signIn: (email: string, tenant?: string) => Promise<string>;
  /** A token signed with the issuer's own key, with a header and claims that the issuer would not write. */
  readonly sign: (header?: object, claims?: JWTPayload) => Promise<string>;
  close(): Promise<void>;
}

/** Claims of a token that is all right. */
export function claimsOf(issuer: string): JWTPayload {
  const now = Math.floor(Date.now() / 1000);
  return { iss: issuer, aud: audience, sub: "somebody", iat: now, nbf: now, exp: now + 600 };
}

/** A sign-in service of a test file's own, named in the settings that config() reads. */
export async function startIssuerForTests({ dir, tls }: VaultForTests): Promise<IssuerForTests> {
  const dataDir = join(dir, "issuer");
  const service = await startIssuer({ port: 0, dataDir, tls, operatorEmail, audience });
  const { url } = service;
  vi.stubEnv("OIDC_ISSUER", url);
  vi.stubEnv("OIDC_AUDIENCE", audience);
  vi.stubEnv("OIDC_TENANT_CLAIM", "tenant_id");
  const { key } = JSON.parse(await readFile(join(dataDir, "issuer.json"), "utf8")) as { key: string };
  const privateKey = createPrivateKey(key);
  const { kty, n = "", e = "" } = await exportJWK(privateKey);
  const kid = await calculateJwkThumbprint({ kty: kty ?? "RSA", n, e });
  return {
    url,
    kid,
    privateKey,
    signIn: async (email, tenant) => {
      const form = { grant_type: localSignIn, email, ...(tenant !== undefined && { tenant }) };
      const answer = await fetch(`${url}/token`, { method: "POST", body: new URLSearchParams(form) });
      return ((await answer.json()) as { access_token: string }).access_token;
    },
    sign: (header = {}, claims = claimsOf(url)) =>
      new SignJWT(claims).setProtectedHeader({ alg: "RS256", typ: "at+jwt", kid, ...header }).sign(privateKey),
    close: () => service.close(),
  };
}
