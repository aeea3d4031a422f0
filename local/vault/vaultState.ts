import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Static, Type } from "@sinclair/typebox";
import { type StateFile, openState } from "../stateFile.ts";

/** Times in Unix seconds, as on the wire. */
export const Attributes = Type.Object({
  enabled: Type.Boolean(),
  nbf: Type.Optional(Type.Number()),
  exp: Type.Optional(Type.Number()),
  created: Type.Number(),
  updated: Type.Number(),
});
export const Tags = Type.Record(Type.String(), Type.String());

const version = { version: Type.String(), attributes: Attributes, tags: Type.Optional(Tags) };
const SecretVersion = Type.Object({ ...version, value: Type.String(), contentType: Type.Optional(Type.String()) });
const KeyVersion = Type.Object({
  ...version,
  size: Type.Number(),
  operations: Type.Array(Type.String()),
  /** PKCS#8. */
  pem: Type.String(),
});

export type SecretVersion = Static<typeof SecretVersion>;
export type KeyVersion = Static<typeof KeyVersion>;

/** A secret or key by its name: its versions, the oldest first, and when it was deleted, if it is. */
export interface Entry<V> {
  versions: V[];
  deleted?: number;
}

const VaultState = Type.Object({
  secrets: Type.Record(
    Type.String(),
    Type.Object({ versions: Type.Array(SecretVersion), deleted: Type.Optional(Type.Number()) }),
  ),
  keys: Type.Record(
    Type.String(),
    Type.Object({ versions: Type.Array(KeyVersion), deleted: Type.Optional(Type.Number()) }),
  ),
});
export type VaultState = Static<typeof VaultState>;

export async function openVaultState(dataDir: string): Promise<StateFile<VaultState>> {
  await mkdir(dataDir, { recursive: true });
  return openState(join(dataDir, "vault.json"), VaultState, () => ({ secrets: {}, keys: {} }));
}
