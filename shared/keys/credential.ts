import { type OneTimeToken, parseToken, tokenText } from "../protection/oneTimeToken.ts";

const prefix = "cpk_";

/** `cpk_<tenant id>.<key id>.<secret>`: names its record and proves itself, and is told from other bearers by its start. */
export function credentialText(parts: OneTimeToken): string {
  return prefix + tokenText(parts);
}

/** Whether a bearer looks like a service key, and not like an access token. */
export function isCredential(bearer: string): boolean {
  return bearer.startsWith(prefix);
}

/** The parts of a credential, or undefined where it is none. Says nothing about its validity. */
export function parseCredential(bearer: string): OneTimeToken | undefined {
  return isCredential(bearer) ? parseToken(bearer.slice(prefix.length)) : undefined;
}
