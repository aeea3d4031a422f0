import type { PublicKey } from "./signature.ts";
import { type SigningKeyName, asPublicKey } from "./signing.ts";
import { keyClient } from "./vault.ts";

/** The public part of a key as the vault itself has it, of its current version unless one is named. */
export async function publicKey(name: SigningKeyName, version?: string): Promise<PublicKey> {
  return asPublicKey(await keyClient().getKey(name, version === undefined ? {} : { version }));
}
