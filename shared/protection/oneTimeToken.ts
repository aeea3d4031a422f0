import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** Parts of a token that names its record and proves itself by a secret. */
export interface OneTimeToken {
  readonly tenantId: string;
  readonly id: string;
  readonly secret: string;
}

/** A new secret of 256 bits. */
export function newSecret(): string {
  return randomBytes(32).toString("base64url");
}

/** `<tenant id>.<record id>.<secret>`; safe in a URL's fragment. */
export function tokenText({ tenantId, id, secret }: OneTimeToken): string {
  return `${tenantId}.${id}.${secret}`;
}

/**
 * The parts of a credential between its dots, each a text of its own: what split() gives keeps the whole credential in
 * memory for as long as anything remembers one of them, such as the tenant's id.
 */
export function credentialParts(text: string): string[] {
  return text.split(".").map((part) => Buffer.from(part).toString());
}

/** The parts of a token's text, or undefined where it is none. Says nothing about its validity. */
export function parseToken(text: string): OneTimeToken | undefined {
  const [tenantId = "", id = "", secret = "", more] = credentialParts(text);
  const isToken = more === undefined && /^\w{1,64}$/u.test(id) && /^[\w-]{43}$/u.test(secret);
  return isToken ? { tenantId, id, secret } : undefined;
}

/** What is stored of a secret: SHA-256, hex. 256 random bits need no salt and no stretching. */
export function secretHash(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** Compares in constant time, also where there is no hash to compare with: time does not tell who exists. */
export function isSecret(secret: string, hash = "0".repeat(64)): boolean {
  return timingSafeEqual(Buffer.from(secretHash(secret), "hex"), Buffer.from(hash, "hex"));
}
