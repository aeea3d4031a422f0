import { randomBytes } from "node:crypto";
import { type Static, Type } from "@sinclair/typebox";
import { CryptographyClient, KeyClient } from "@azure/keyvault-keys";
import { config } from "../../shared/config.ts";
import { identity } from "../../shared/identity.ts";
import { vaultOptions } from "../../shared/protection/vault.ts";
import { closed } from "../../shared/schema.ts";
import { fault } from "../../shared/validator.ts";
import type { Workroom } from "./drop.ts";

/** The RSA key of production's vault that wraps the key of pseudonyms, and nothing else. */
export const vaultKeyName = "sandbox-pseudonyms";
const blobName = "pseudonyms.json";
const algorithm = "RSA-OAEP-256";

const Wrapped = closed({
  /** Id of the vault's key, with its version. */
  by: Type.String({ pattern: "^https://[^?#\\s]+$", maxLength: 256 }),
  wrapped: Type.String({ maxLength: 2048 }),
});

/**
 * The 32 bytes that pseudonyms are made with, unwrapped by the vault; made where there are none yet, or `anew`. The caller
 * zeroes them. As long as they are kept, later copies have the same pseudonyms.
 */
export async function pseudonymKey(workroom: Workroom, anew: boolean): Promise<Buffer> {
  const kept = anew ? undefined : await workroom.read(blobName);
  if (kept === undefined) return await make(workroom);
  if (fault(Wrapped, kept) !== undefined) throw new Error(`${blobName} is not as this program writes it`);
  const { by, wrapped } = kept as Static<typeof Wrapped>;
  const client = new CryptographyClient(by, identity(), vaultOptions());
  const { result } = await client.unwrapKey(algorithm, Buffer.from(wrapped, "base64"));
  return Buffer.from(result);
}

async function make(workroom: Workroom): Promise<Buffer> {
  const keys = new KeyClient(config().vault.url, identity(), vaultOptions());
  const vaultKey = await keys.getKey(vaultKeyName);
  const key = randomBytes(32);
  const { result } = await new CryptographyClient(vaultKey, identity(), vaultOptions()).wrapKey(algorithm, key);
  await workroom.write(blobName, { by: vaultKey.id, wrapped: Buffer.from(result).toString("base64") });
  return key;
}
