import { Type } from "@sinclair/typebox";
import { Choice, List, Name, type Static, Time, closed, optional } from "../schema.ts";
import { Id, prefixes } from "../tenancy/ids.ts";
import type { Entity } from "../tenancy/kind.ts";
import { type ApiKey, keyStatuses, maxKeys, scopes, statusOf } from "./apiKey.ts";

const fields = {
  name: Name,
  scopes: Type.Array(Choice(scopes), { minItems: 1, maxItems: scopes.length, uniqueItems: true }),
  expiresAt: Time,
};

export const KeyDraft = closed(fields);
export type KeyDraft = Static<typeof KeyDraft>;

const shown = {
  id: Id(prefixes.apiKey),
  ...fields,
  status: Choice(keyStatuses),
  createdBy: Type.String({ maxLength: 64, description: "The member or the key that made it" }),
  lastUsedOn: optional(Type.String({ format: "date", maxLength: 10, description: "UTC day of the last use" })),
  createdAt: Time,
};

export const KeyView = closed(shown);
export type KeyView = Static<typeof KeyView>;

export const KeyList = closed({ items: List(KeyView, maxKeys) });

/** A key as it is made, with its credential. */
export const NewKeyView = closed({
  ...shown,
  credential: Type.String({
    pattern: "^cpk_tnt_[0-9A-Z]{26}\\.key_[0-9A-Z]{26}\\.[\\w-]{43}$",
    maxLength: 120,
    description: "Bearer of the service, shown once",
  }),
});
export type NewKeyView = Static<typeof NewKeyView>;

export function keyView(key: Entity<ApiKey>): KeyView {
  const { id, name, expiresAt, createdBy, lastUsedOn, createdAt } = key;
  return {
    id,
    name,
    scopes: [...key.scopes],
    expiresAt,
    status: statusOf(key),
    createdBy,
    ...(lastUsedOn !== undefined && { lastUsedOn }),
    createdAt,
  };
}
