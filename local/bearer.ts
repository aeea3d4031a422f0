import type { IncomingMessage } from "node:http";
import { type JWTPayload, decodeJwt } from "jose";

/** How much a sender's clock may differ from ours, in seconds, as Microsoft's services allow. */
const clockSkew = 300;

/**
 * Why a request's bearer token would be refused in Azure, or undefined if it would not.
 * Checks audience and lifetime. Not the signature: the services listen on loopback only and hold nothing real.
 */
export function bearerProblem(request: IncomingMessage, audience: string): string | undefined {
  const token = /^Bearer (?<token>\S+)$/iu.exec(request.headers.authorization ?? "")?.groups?.["token"];
  if (token === undefined) return "a bearer token is missing";
  let claims: JWTPayload;
  try {
    claims = decodeJwt(token);
  } catch {
    return "the bearer token is not a JWT";
  }
  const now = Date.now() / 1000;
  if (claims.exp === undefined || claims.exp <= now - clockSkew) return "the bearer token has expired";
  if (claims.nbf !== undefined && claims.nbf > now + clockSkew) return "the bearer token is not valid yet";
  const audiences = [claims.aud ?? []].flat().map((aud) => aud.replace(/\/$/u, ""));
  return audiences.includes(audience) ? undefined : `the bearer token is not for ${audience}`;
}
