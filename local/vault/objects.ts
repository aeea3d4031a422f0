import { randomUUID } from "node:crypto";
import { type Static, Type } from "@sinclair/typebox";
import { VaultError, badParameter } from "./vaultError.ts";
import { type Attributes, type Entry, Tags } from "./vaultState.ts";

/** What secrets and keys have in common: names, versions, attributes, soft deletion, lists. */

export type Kind = "secret" | "key";

export interface Version {
  version: string;
  attributes: Static<typeof Attributes>;
  tags?: Record<string, string>;
}

export const ChangedAttributes = Type.Object({
  enabled: Type.Optional(Type.Boolean()),
  nbf: Type.Optional(Type.Number()),
  exp: Type.Optional(Type.Number()),
});
/** Body of an update (PATCH): what is absent stays. */
export const Changes = Type.Object({
  attributes: Type.Optional(ChangedAttributes),
  tags: Type.Optional(Tags),
  contentType: Type.Optional(Type.String()),
  key_ops: Type.Optional(Type.Array(Type.String())),
});

const recoverableDays = 90;
const day = 86_400;

export function now(): number {
  return Math.floor(Date.now() / 1000);
}

/** Adds a version, which becomes the current one. Throws if the name is deleted but recoverable. */
export function addVersion<V extends Version>(
  entries: Record<string, Entry<V>>,
  kind: Kind,
  name: string,
  attributes: Static<typeof ChangedAttributes> | undefined,
  rest: Omit<V, keyof Version> & Pick<Version, "tags">,
): V {
  if (!/^[\da-z-]{1,127}$/iu.test(name)) throw badParameter(`The request URI contains an invalid name: ${name}`);
  const entry = own(entries, name) ?? { versions: [] };
  refuseDeleted(entry, kind, name);
  const created = now();
  const version = randomUUID().replaceAll("-", "");
  const added = { version, attributes: { enabled: true, created, updated: created, ...attributes }, ...rest } as V;
  entry.versions.push(added);
  entries[name] = entry;
  return added;
}

/** The entry of a name, deleted or not as asked for. Throws 404 if there is none such. */
export function findEntry<V extends Version>(
  entries: Record<string, Entry<V>>,
  kind: Kind,
  name: string,
  deleted: boolean,
): Entry<V> {
  const entry = own(entries, name);
  if (entry === undefined || (entry.deleted !== undefined) !== deleted) throw notFound(kind, name);
  return entry;
}

/** The named version, or the current one for an empty or absent `version`. Throws 404 if there is none. */
export function findVersion<V extends Version>(
  entries: Record<string, Entry<V>>,
  kind: Kind,
  name: string,
  version: string | undefined,
): V {
  const { versions } = findEntry(entries, kind, name, false);
  const found = version ? versions.find((candidate) => candidate.version === version) : versions.at(-1);
  if (found === undefined) throw notFound(kind, name);
  return found;
}

export function change(version: Version, changes: Static<typeof Changes>): void {
  version.attributes = { ...version.attributes, ...changes.attributes, updated: now() };
  if (changes.tags !== undefined) version.tags = changes.tags;
}

/** The names that are there (or, with `deleted`, that can be recovered), in order. */
export function namesOf(entries: Record<string, Entry<unknown>>, deleted = false): string[] {
  return Object.keys(entries)
    .filter((name) => (own(entries, name)?.deleted !== undefined) === deleted)
    .sort();
}

export function shownAttributes(version: Version): unknown {
  return { ...version.attributes, recoveryLevel: "Recoverable+Purgeable", recoverableDays };
}

/** What a deleted secret or key shows beside itself. */
export function deletionOf(url: string, kind: Kind, name: string, deleted: number): object {
  return {
    recoveryId: `${url}/deleted${kind}s/${name}`,
    deletedDate: deleted,
    scheduledPurgeDate: deleted + recoverableDays * day,
  };
}

/** One page of a list: `maxresults` (at most and by default 25) from `$skiptoken` on, with a link to the next. */
export function page<T>(items: readonly T[], target: URL, url: string, show: (item: T) => object): object {
  const size = Math.min(Number(target.searchParams.get("maxresults") ?? 25), 25);
  const start = Number(target.searchParams.get("$skiptoken") ?? 0);
  if (!Number.isInteger(size) || size < 1 || !Number.isInteger(start) || start < 0)
    throw badParameter("maxresults or $skiptoken is invalid.");
  const next = new URL(target.pathname + target.search, url);
  next.searchParams.set("$skiptoken", String(start + size));
  return {
    value: items.slice(start, start + size).map(show),
    nextLink: start + size < items.length ? next.href : null,
  };
}

function notFound(kind: Kind, name: string): VaultError {
  const code = kind === "secret" ? "SecretNotFound" : "KeyNotFound";
  return new VaultError(404, code, `A ${kind} with (name/id) ${name} was not found in this key vault.`);
}

function refuseDeleted(entry: Entry<unknown>, kind: Kind, name: string): void {
  if (entry.deleted === undefined) return;
  const message = `${kind === "secret" ? "Secret" : "Key"} ${name} is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the ${kind} can only be recovered or purged.`;
  throw new VaultError(409, "Conflict", message, "ObjectIsDeletedButRecoverable");
}

/** Names such as `constructor` are valid here and must not find what every object inherits. */
function own<V>(entries: Record<string, V>, name: string): V | undefined {
  return Object.hasOwn(entries, name) ? entries[name] : undefined;
}
