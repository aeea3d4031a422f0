import { createHash } from "node:crypto";
import { CryptographyClient, KeyClient, type KeyVaultKey } from "@azure/keyvault-keys";
import { RestError } from "@azure/storage-blob";
import { localCredential } from "../../local/cosmos/testSupport.ts";
import { type PublicKey, type Signature, signatureAlgorithm } from "../../shared/protection/signature.ts";
import { asPublicKey } from "../../shared/protection/signing.ts";

/** Signs certificates and nothing else; the app has no use for it. */
const keyName = "isolation-certificate";

const options = () => ({ disableChallengeResourceVerification: true });

/** Signs by the vault's key {@link keyName}, which is made where there is none yet. */
export async function signInVault(
  vaultUrl: string,
  message: Uint8Array,
): Promise<{ readonly signature: Signature; readonly key: PublicKey }> {
  const current = await certificateKey(new KeyClient(vaultUrl, localCredential, options()));
  const key = asPublicKey(current);
  const digest = createHash("sha256").update(message).digest();
  const { result } = await new CryptographyClient(current, localCredential, options()).sign(signatureAlgorithm, digest);
  return { signature: { kid: key.kid, value: Buffer.from(result).toString("base64url") }, key };
}

async function certificateKey(keys: KeyClient): Promise<KeyVaultKey> {
  try {
    return await keys.getKey(keyName);
  } catch (error) {
    if (!(error instanceof RestError) || error.statusCode !== 404) throw error;
    return await keys.createRsaKey(keyName, { keySize: 2048, keyOps: ["sign", "verify"] });
  }
}
