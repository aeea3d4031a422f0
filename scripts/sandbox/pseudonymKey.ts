import { randomBytes } from "node:crypto";
import { isRestError } from "@azure/storage-blob";
import { type Static, Type } from "@sinclair/typebox";
import { keyWrapBy } from "../../shared/protection/vault.ts";
import { closed } from "../../shared/schema.ts";
import type { Workroom } from "./drop.ts";

/** The RSA key of production's vault that wraps the key of pseudonyms, and nothing else. */
export const vaultKeyName = "sandbox-pseudonyms";
const blobName = "pseudonyms.json";

const Wrapped = closed({
  wrapped: Type.String({ maxLength: 2048 }),
  /** Version of the vault's key. */
  wrappedBy: Type.String({ pattern: "^[0-9a-f]{32}$" }),
  /** Of the name that it was made anew for. */
  madeFor: Type.Optional(Type.String({ maxLength: 200 })),
});

/**
 * The 32 bytes that pseudonyms are made with, unwrapped by the vault; made where there are none yet, or none for the name
 * that is given: once for all tenants of a run, also where it is repeated. The caller zeroes them. As long as they are kept,
 * later copies have the same pseudonyms.
 */
export async function pseudonymKey(workroom: Workroom, madeFor: string | undefined): Promise<Buffer> {
  const notes = workroom.notes(blobName, Wrapped);
  const kept = await notes.read();
  if (kept === "unreadable" && madeFor === undefined)
    throw new Error(`${blobName} is not as this program writes it: --new-pseudonyms begins with another key`);
  if (kept === undefined || kept === "unreadable" || (madeFor !== undefined && kept.madeFor !== madeFor)) {
    const key = randomBytes(32);
    await notes.write({ ...(await vaultKey().wrap(key)), ...(madeFor !== undefined && { madeFor }) });
    return key;
  }
  return Buffer.from(await unwrapped(kept));
}

async function unwrapped({ wrapped, wrappedBy }: Static<typeof Wrapped>): Promise<Uint8Array> {
  try {
    return await vaultKey().unwrap(wrapped, wrappedBy);
  } catch (error) {
    if (!isRestError(error) || error.statusCode !== 404) throw error;
    const version = `${vaultKeyName}/${wrappedBy}`;
    throw new Error(`the vault has no ${version} any more: --new-pseudonyms begins with another key`, { cause: error });
  }
}

const vaultKey = () => keyWrapBy(vaultKeyName);
