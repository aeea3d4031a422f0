import { createHash } from "node:crypto";
import { CryptographyClient, type KeyVaultKey } from "@azure/keyvault-keys";
import { identity } from "../identity.ts";
import { type PublicKey, type Signature, signatureAlgorithm } from "./signature.ts";
import { keyClient, vaultOptions } from "./vault.ts";

/** The vault's keys that sign, each for one use alone: what is signed for one never passes for another's. */
export const signingKeyNames = ["log-seal", "evidence-seal"] as const;
export type SigningKeyName = (typeof signingKeyNames)[number];

/**
 * Signs with the key's current version, which the message may name, and gives the public key that verifies it. The private
 * key never leaves the vault, which is told the SHA-256 digest of the message and no more.
 */
export async function sign(
  name: SigningKeyName,
  message: (kid: string) => Uint8Array,
): Promise<{ readonly signature: Signature; readonly key: PublicKey }> {
  const current = await keyClient().getKey(name);
  const key = asPublicKey(current);
  const digest = createHash("sha256").update(message(key.kid)).digest();
  const { result } = await new CryptographyClient(current, identity(), vaultOptions()).sign(signatureAlgorithm, digest);
  return { signature: { kid: key.kid, value: base64url(result) }, key };
}

/** The public part of a key as the vault has it, of its current version (the empty one) unless another is named. */
export async function publicKey(name: SigningKeyName, version = ""): Promise<PublicKey> {
  return asPublicKey(await keyClient().getKey(name, { version }));
}

/** The public part of one of the vault's RSA keys. */
export function asPublicKey({ name, key, properties: { version } }: KeyVaultKey): PublicKey {
  const { n, e } = key ?? {};
  if (n === undefined || e === undefined || version === undefined)
    throw new TypeError("The vault's key is no RSA key with a version.");
  const kid = `${name}/${version}`;
  return { kty: "RSA", alg: signatureAlgorithm, use: "sig", kid, n: base64url(n), e: base64url(e) };
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}
