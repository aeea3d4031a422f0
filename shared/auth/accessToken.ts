import { createHash } from "node:crypto";
import { type JWTPayload, createRemoteJWKSet, errors, jwtVerify } from "jose";
import { now } from "../clock.ts";
import { config } from "../config.ts";
import { Problem } from "../web/problem.ts";

/** What a verified access token says. */
export interface Identity {
  readonly issuer: string;
  readonly subject: string;
  /** The tenant the person is signed in to; a claim, not yet a membership. */
  readonly tenantId?: string;
  readonly operator: boolean;
}

const algorithms = ["RS256"];
const clockSkewSeconds = 30;
/** A revoked signing key or a signed-out person is noticed after at most this long. */
const cacheMilliseconds = 60_000;
const cacheEntries = 10_000;

const verified = new Map<string, { readonly identity: Identity; readonly until: number }>();
let keys: Promise<ReturnType<typeof createRemoteJWKSet>> | undefined;

/**
 * Who the bearer of an OIDC access token is. Throws the problem `unauthenticated` for anything but a token of the
 * configured issuer, for this audience, in time, signed with one of the issuer's published keys (RFC 9068, RFC 8725).
 */
export async function verifyAccessToken(token: string): Promise<Identity> {
  const fingerprint = createHash("sha256").update(token).digest("base64url");
  const cached = verified.get(fingerprint);
  if (cached !== undefined && cached.until > now().getTime()) return cached.identity;
  const claims = await verify(token);
  const identity = identityOf(claims);
  const expiry = (claims.exp ?? 0) * 1000;
  if (verified.size >= cacheEntries) verified.clear();
  verified.set(fingerprint, { identity, until: Math.min(expiry, now().getTime() + cacheMilliseconds) });
  return identity;
}

async function verify(token: string): Promise<JWTPayload> {
  const { issuer, audience } = config().oidc;
  const keySet = await issuerKeys();
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keySet, {
      algorithms,
      issuer,
      audience,
      clockTolerance: clockSkewSeconds,
      currentDate: now(),
      requiredClaims: ["sub", "exp", "iat"],
    });
    // jose looks at iat only where tokens have a greatest age.
    const issuedLater = (payload.iat ?? Infinity) > now().getTime() / 1000 + clockSkewSeconds;
    if (issuedLater || !isAccessToken(protectedHeader.typ, payload)) throw new Problem("unauthenticated");
    return payload;
  } catch (error) {
    if (isOutage(error)) throw new Problem("unavailable", { retryAfter: 2, cause: error });
    throw new Problem("unauthenticated", { cause: error });
  }
}

/** The issuer's keys, from the address in its own metadata; never from anything a token says. */
async function issuerKeys(): Promise<ReturnType<typeof createRemoteJWKSet>> {
  keys ??= discover();
  try {
    return await keys;
  } catch (error) {
    keys = undefined;
    throw new Problem("unavailable", { retryAfter: 2, cause: error });
  }
}

async function discover(): Promise<ReturnType<typeof createRemoteJWKSet>> {
  const { issuer } = config().oidc;
  const base = issuer.endsWith("/") ? issuer : `${issuer}/`;
  const answer = await fetch(new URL(".well-known/openid-configuration", base), {
    redirect: "error",
    signal: AbortSignal.timeout(5000),
  });
  if (!answer.ok) throw new Error(`the issuer's metadata answered ${answer.status}`);
  const metadata = (await answer.json()) as { issuer?: unknown; jwks_uri?: unknown };
  if (metadata.issuer !== issuer) throw new Error("the issuer's metadata is not the issuer's");
  const address = new URL(String(metadata.jwks_uri));
  if (address.protocol !== "https:") throw new Error("the issuer's keys are not behind https");
  // As jose does by itself: answers within 5 s, for 10 minutes, and asked for unknown keys every 30 s at most.
  return createRemoteJWKSet(address);
}

function identityOf(claims: JWTPayload): Identity {
  const { issuer, tenantClaim } = config().oidc;
  const tenantId = claims[tenantClaim];
  const roles = claims["roles"];
  return {
    issuer,
    subject: String(claims.sub),
    ...(typeof tenantId === "string" && { tenantId }),
    operator: Array.isArray(roles) && roles.includes("platform_operator"),
  };
}

/** RFC 9068 says `at+jwt`. Entra says `JWT`, as ID tokens do, for the same audience even; only access tokens have scopes. */
function isAccessToken(typ: string | undefined, { scp, scope }: JWTPayload): boolean {
  const type = typ?.toLowerCase().replace(/^application\//u, "");
  return type === "at+jwt" || (type === "jwt" && (typeof scp === "string" || typeof scope === "string"));
}

/** Whether the issuer's keys could not be had, so that nothing can be said of the token. */
function isOutage(error: unknown): boolean {
  if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid) return true;
  // What fetch throws, and jose for an answer that is no key set.
  return error instanceof TypeError || (error instanceof errors.JOSEError && error.code === errors.JOSEError.code);
}
