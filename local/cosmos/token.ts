import { CosmosError } from "./errors.ts";

const PREFIX = "type=aad&ver=1.0&sig=";

interface Claims {
  readonly aud?: unknown;
  readonly exp?: unknown;
  readonly nbf?: unknown;
}

function claimsOf(jwt: string): Claims | undefined {
  const parts = jwt.split(".");
  if (parts.length !== 3) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(parts[1] ?? "", "base64url").toString());
    return typeof claims === "object" && claims !== null ? claims : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Accepts an unexpired token that was issued for this server's own origin, which is what the SDK asks for.
 * The local identity endpoint's signature is not checked: whoever runs on this machine may use this database.
 */
export function requireToken(authorization: string | undefined, origin: string): void {
  const unauthorized = (message: string): CosmosError => new CosmosError(401, message);
  if (authorization === undefined) throw unauthorized("Required Header authorization is missing.");
  const text = authorization.startsWith("type%3D") ? decodeURIComponent(authorization) : authorization;
  if (!text.startsWith(PREFIX)) throw unauthorized("Only Microsoft Entra tokens are accepted.");
  const claims = claimsOf(text.slice(PREFIX.length));
  if (claims === undefined) throw unauthorized("The token is not a JSON Web Token.");
  const seconds = Date.now() / 1000;
  if (typeof claims.exp !== "number" || claims.exp <= seconds) throw unauthorized("The token has expired.");
  if (typeof claims.nbf === "number" && claims.nbf > seconds + 60) throw unauthorized("The token is not valid yet.");
  if (claims.aud !== origin && claims.aud !== `${origin}/`) {
    throw unauthorized(`The token was issued for another audience than ${origin}.`);
  }
}
