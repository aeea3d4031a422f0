import { randomBytes } from "node:crypto";
import { type Static, Type } from "@sinclair/typebox";
import { keyWrapBy } from "../../shared/protection/vault.ts";
import { closed } from "../../shared/schema.ts";
import { fault } from "../../shared/validator.ts";
import type { Workroom } from "./drop.ts";

/** The RSA key of production's vault that wraps the key of pseudonyms, and nothing else. */
export const vaultKeyName = "sandbox-pseudonyms";
const blobName = "pseudonyms.json";

const Wrapped = closed({
  wrapped: Type.String({ maxLength: 2048 }),
  /** Version of the vault's key. */
  wrappedBy: Type.String({ pattern: "^[0-9a-f]{32}$" }),
});

/**
 * The 32 bytes that pseudonyms are made with, unwrapped by the vault; made where there are none yet, or `anew`. The caller
 * zeroes them. As long as they are kept, later copies have the same pseudonyms.
 */
export async function pseudonymKey(workroom: Workroom, anew: boolean): Promise<Buffer> {
  const kept = anew ? undefined : await workroom.read(blobName);
  if (kept === undefined) return await make(workroom);
  if (fault(Wrapped, kept) !== undefined) throw new Error(`${blobName} is not as this program writes it`);
  const { wrapped, wrappedBy } = kept as Static<typeof Wrapped>;
  return Buffer.from(await vaultKey().unwrap(wrapped, wrappedBy));
}

async function make(workroom: Workroom): Promise<Buffer> {
  const key = randomBytes(32);
  await workroom.write(blobName, await vaultKey().wrap(key));
  return key;
}

const vaultKey = () => keyWrapBy(vaultKeyName);
