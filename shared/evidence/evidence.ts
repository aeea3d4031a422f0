import { Base64url, Kid, PublicKey, type Signature, isSignedBy } from "../protection/signature.ts";
import type { SigningKeyName } from "../protection/signing.ts";
import { type Static, closed } from "../schema.ts";
import { canonicalJson } from "../web/canonicalJson.ts";
import { Manifest } from "./manifest.ts";

/** The key that signs manifests, and nothing else. */
export const evidenceKeyName: SigningKeyName = "evidence-seal";

/** A video's signed manifest, with the public key that verifies it, so that it outlives the vault's own versions. */
export const Evidence = closed({ manifest: Manifest, kid: Kid, signature: Base64url, key: PublicKey });
export type Evidence = Static<typeof Evidence>;

/** The bytes that are signed: the canonical JSON of an array that no other use of a key begins like. */
export function signedBytes(kid: string, manifest: Manifest): Buffer {
  return Buffer.from(canonicalJson(["callpilot-evidence", kid, manifest]));
}

export function evidenceOf(manifest: Manifest, { kid, value }: Signature, key: PublicKey): Evidence {
  return { manifest, kid, signature: value, key };
}

/** Whether the key signed the manifest as it stands. */
export function isEvidenceBy(key: PublicKey, { manifest, kid, signature }: Evidence): boolean {
  return (
    kid.startsWith(`${evidenceKeyName}/`) && isSignedBy(key, signedBytes(kid, manifest), { kid, value: signature })
  );
}
