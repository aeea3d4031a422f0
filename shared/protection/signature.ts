import { constants, createPublicKey, verify } from "node:crypto";

/** RSASSA-PSS with SHA-256 and a salt as long as the hash (RFC 7518, 3.5). */
export const signatureAlgorithm = "PS256";

/** The public part of a signing key (RFC 7517). */
export interface PublicKey {
  readonly kty: "RSA";
  readonly alg: typeof signatureAlgorithm;
  readonly use: "sig";
  /** Name and version of the key, `log-seal/0123…`. */
  readonly kid: string;
  readonly n: string;
  readonly e: string;
}

export interface Signature {
  /** The {@link PublicKey.kid} of the key that made it. */
  readonly kid: string;
  /** Base64url. */
  readonly value: string;
}

/** Whether the signature is that key's, of exactly these bytes. Asks nobody, so that it works offline. */
export function isSignedBy(key: PublicKey, message: Uint8Array, { kid, value }: Signature): boolean {
  if (kid !== key.kid) return false;
  const { kty, n, e } = key;
  const publicKey = createPublicKey({ key: { kty, n, e }, format: "jwk" });
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  return verify("sha256", message, { key: publicKey, ...pss }, Buffer.from(value, "base64url"));
}
