import { createHash, randomBytes, randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import { join } from "node:path";
import { type Static, Type } from "@sinclair/typebox";
import { SignJWT, calculateJwkThumbprint, exportJWK, exportPKCS8, generateKeyPair, importPKCS8 } from "jose";
import { TooLarge, allowLoopbackPages, readText, sendJson, targetOf } from "./http.ts";
import { type Certificates, type LocalService, listen, stop } from "./service.ts";
import { openState } from "./stateFile.ts";

export const localSignIn = "urn:callpilot:local-sign-in";

const IssuerState = Type.Object({
  /** PKCS#8. */
  key: Type.String(),
  salt: Type.String(),
  /** The tenant that each subject signed in to last. */
  tenants: Type.Record(Type.String(), Type.String()),
});

const lifetime = 3600;

/**
 * An OIDC issuer for people without a password: whoever names an e-mail address is signed in as its owner.
 * `POST /token` with grant_type {@link localSignIn}, `email`, and optionally `tenant` (otherwise that of the last
 * sign-in) and `expires_in` (seconds, at most an hour) answers as RFC 6749 says, with an RS256 access token (RFC 9068).
 * Key, subjects and tenants survive a restart.
 */
export async function startIssuer({
  port,
  dataDir,
  tls,
  operatorEmail,
  audience = "callpilot-api",
}: {
  readonly port: number;
  readonly dataDir: string;
  readonly tls: Certificates;
  /** Its owner's tokens carry the role platform_operator, as those of `<name>+<tag>@…` do: several operators. */
  readonly operatorEmail: string;
  readonly audience?: string;
}): Promise<LocalService> {
  await mkdir(dataDir, { recursive: true });
  const state = await openState(join(dataDir, "issuer.json"), IssuerState, newState);
  await state.save();
  const privateKey = await importPKCS8(state.value.key, "RS256", { extractable: true });
  const { kty, n, e } = await exportJWK(privateKey);
  const jwk = { kty, n, e } as { kty: string; n: string; e: string };
  const kid = await calculateJwkThumbprint(jwk);
  let issuer = "";

  const signIn = async (form: URLSearchParams) => {
    const { email, name, tenant, expiresIn } = signInOf(form);
    const sub = createHash("sha256").update(state.value.salt).update(email).digest("base64url");
    if (tenant !== undefined && state.value.tenants[sub] !== tenant) {
      state.value.tenants[sub] = tenant;
      await state.save();
    }
    const tenantId = state.value.tenants[sub];
    const now = Math.floor(Date.now() / 1000);
    const token = await new SignJWT({
      email,
      name,
      client_id: "callpilot-local",
      ...(tenantId !== undefined && { tenant_id: tenantId }),
      ...(withoutTag(email) === operatorEmail.toLowerCase() && { roles: ["platform_operator"] }),
    })
      .setProtectedHeader({ alg: "RS256", typ: "at+jwt", kid })
      .setIssuer(issuer)
      .setAudience(audience)
      .setSubject(sub)
      .setIssuedAt(now)
      .setNotBefore(now)
      .setExpirationTime(now + expiresIn)
      .setJti(randomUUID())
      .sign(privateKey);
    return { access_token: token, token_type: "Bearer", expires_in: expiresIn };
  };

  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    allowLoopbackPages(request, response, "GET, POST");
    switch (`${request.method ?? ""} ${targetOf(request).pathname}`) {
      case "GET /.well-known/openid-configuration":
        sendJson(response, 200, {
          issuer,
          jwks_uri: `${issuer}/jwks`,
          token_endpoint: `${issuer}/token`,
          grant_types_supported: [localSignIn],
          token_endpoint_auth_methods_supported: ["none"],
          response_types_supported: [],
          subject_types_supported: ["public"],
          id_token_signing_alg_values_supported: ["RS256"],
        });
        return;
      case "GET /jwks":
        sendJson(response, 200, { keys: [{ ...jwk, kid, use: "sig", alg: "RS256" }] });
        return;
      case "POST /token":
        sendJson(response, 200, await signIn(new URLSearchParams(await readText(request, 16_384))));
        return;
      default:
        if (request.method === "OPTIONS") response.writeHead(204).end();
        else sendJson(response, 404, { error: "invalid_request", error_description: "There is no such address." });
    }
  };

  const server = createServer({ key: tls.key, cert: tls.cert }, (request, response) => {
    handle(request, response).catch((error: unknown) => {
      if (error instanceof SignInError) sendJson(response, 400, error.body);
      else if (error instanceof TooLarge)
        sendJson(response, 400, new SignInError("invalid_request", error.message).body);
      else response.destroy(error as Error);
    });
  });
  issuer = `https://localhost:${await listen(server, port, "sign-in")}`;
  return { url: issuer, close: () => stop(server) };
}

async function newState(): Promise<Static<typeof IssuerState>> {
  const { privateKey } = await generateKeyPair("RS256", { extractable: true });
  return { key: await exportPKCS8(privateKey), salt: randomBytes(32).toString("base64url"), tenants: {} };
}

/** A refusal as RFC 6749 section 5.2 words it. */
class SignInError extends Error {
  override readonly name = "SignInError";
  readonly body: object;

  constructor(error: "invalid_request" | "unsupported_grant_type", description: string) {
    super(description);
    this.body = { error, error_description: description };
  }
}

interface SignIn {
  readonly email: string;
  readonly name: string;
  readonly tenant: string | undefined;
  /** Seconds. */
  readonly expiresIn: number;
}

function signInOf(form: URLSearchParams): SignIn {
  const grantType = form.get("grant_type");
  if (grantType === null) throw new SignInError("invalid_request", "grant_type is missing.");
  if (grantType !== localSignIn)
    throw new SignInError("unsupported_grant_type", `The only grant_type is ${localSignIn}.`);
  const email = (form.get("email") ?? "").trim().toLowerCase();
  if (!/^[^\s@]{1,64}@[^\s@]{1,190}$/u.test(email))
    throw new SignInError("invalid_request", "email must be an e-mail address.");
  const tenant = form.get("tenant") ?? undefined;
  if (tenant !== undefined && !/^[\w-]{1,64}$/u.test(tenant))
    throw new SignInError("invalid_request", "tenant must be a tenant's id.");
  const expiresIn = Number(form.get("expires_in") ?? lifetime);
  if (!Number.isInteger(expiresIn) || expiresIn < 1 || expiresIn > lifetime)
    throw new SignInError("invalid_request", `expires_in must be between 1 and ${lifetime} seconds.`);
  return { email, name: nameOf(email), tenant, expiresIn };
}

/** `anna.meier@example.com` is called Anna Meier. */
function nameOf(email: string): string {
  const words = (email.split("@")[0] ?? "").split(/[._+-]+/u).filter((word) => word !== "");
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join(" ");
}

/** `name+tag@example.com` is `name@example.com` (RFC 5233). */
function withoutTag(email: string): string {
  const [name = "", ...domain] = email.split("@");
  return [name.split("+", 1)[0], ...domain].join("@");
}
