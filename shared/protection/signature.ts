import { type KeyObject, constants, createHash, createPublicKey, verify } from "node:crypto";
import { Type } from "@sinclair/typebox";
import { type Static, closed } from "../schema.ts";

/** RSASSA-PSS with SHA-256 and a salt as long as the hash (RFC 7518, 3.5). */
export const signatureAlgorithm = "PS256";

export const Kid = Type.String({
  pattern: "^[a-z-]{1,40}/[0-9a-f]{32}$",
  maxLength: 73,
  description: "Name and version of a key",
});
export const Base64url = Type.String({ pattern: "^[\\w-]{1,700}$", maxLength: 700 });

/** The public part of a signing key, as a JWK (RFC 7517). */
export const PublicKey = closed({
  kty: Type.Literal("RSA"),
  alg: Type.Literal(signatureAlgorithm),
  use: Type.Literal("sig"),
  kid: Kid,
  n: Base64url,
  e: Base64url,
});
export type PublicKey = Readonly<Static<typeof PublicKey>>;

export interface Signature {
  /** The {@link PublicKey.kid} of the key that made it. */
  readonly kid: string;
  /** Base64url. */
  readonly value: string;
}

/** Whether the signature is that key's, of exactly these bytes. Asks nobody, so that it works offline. */
export function isSignedBy(key: PublicKey, message: Uint8Array, { kid, value }: Signature): boolean {
  const bytes = Buffer.from(value, "base64url");
  // The last character of a text can have several forms that mean the same bytes.
  if (kid !== key.kid || bytes.toString("base64url") !== value) return false;
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  return verify("sha256", message, { key: keyObject(key), ...pss }, bytes);
}

/**
 * SHA-256, hex, of the key's DER form (SubjectPublicKeyInfo): what `openssl pkey -pubin -outform DER` gives of the key that
 * the vault hands out.
 */
export function thumbprint(key: KeyObject): string {
  return createHash("sha256")
    .update(key.export({ type: "spki", format: "der" }))
    .digest("hex");
}

/** As Node takes it. Throws on what is no RSA key. */
export function keyObject({ kty, n, e }: PublicKey): KeyObject {
  return createPublicKey({ key: { kty, n, e }, format: "jwk" });
}
