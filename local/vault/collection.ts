import type { Static, TSchema } from "@sinclair/typebox";
import {
  Changes,
  type Kind,
  type Version,
  change,
  deletionOf,
  findEntry,
  findVersion,
  namesOf,
  now,
  page,
} from "./objects.ts";
import type { Entry } from "./vaultState.ts";

/** A request to a collection, `/secrets` or `/keys` (`deleted`: `/deletedsecrets`), its path taken apart. */
export interface Call {
  /** Method and path after the collection, e.g. `GET :name/versions`. */
  readonly route: string;
  readonly deleted: boolean;
  readonly name: string;
  /** Empty for the current version. */
  readonly version: string;
  readonly operation: string;
  readonly target: URL;
  /** The body. Throws 400 if it is not as `schema` describes. */
  body<S extends TSchema>(schema: S): Promise<Static<S>>;
}

/** What to answer with; null is 204, no content. */
export type Answer = object | null;

export interface Collection<V extends Version> {
  readonly kind: Kind;
  readonly entries: Record<string, Entry<V>>;
  /** The vault's own address. */
  readonly url: string;
  readonly read: (url: string, name: string, version: V) => object;
  readonly properties: (id: string, version: V) => object;
  /** Takes over what only this kind can change. */
  readonly update: (version: V, changes: Static<typeof Changes>) => void;
}

/** Answers what secrets and keys share: reading, listing, updating, deleting. Undefined if the call is none of these. */
export async function answerShared<V extends Version>(
  collection: Collection<V>,
  call: Call,
): Promise<Answer | undefined> {
  return call.deleted ? answerDeleted(collection, call) : await answerPresent(collection, call);
}

async function answerPresent<V extends Version>(collection: Collection<V>, call: Call): Promise<Answer | undefined> {
  const { kind, entries, url, properties } = collection;
  const { name, version, target } = call;
  const id = `${url}/${kind}s/${name}`;
  switch (call.route) {
    case "GET ":
      return page(namesOf(entries), target, url, (of) =>
        properties(`${url}/${kind}s/${of}`, findVersion(entries, kind, of, "")),
      );
    case "GET :name":
    case "GET :name/:version":
      return collection.read(url, name, findVersion(entries, kind, name, version));
    case "GET :name/versions": {
      const { versions } = findEntry(entries, kind, name, false);
      return page(versions, target, url, (one) => properties(`${id}/${one.version}`, one));
    }
    case "PATCH :name/:version": {
      const changes = await call.body(Changes);
      const found = findVersion(entries, kind, name, version);
      change(found, changes);
      collection.update(found, changes);
      return shown(collection, name, found);
    }
    case "DELETE :name":
      findEntry(entries, kind, name, false).deleted = now();
      return shownDeleted(collection, name);
    default:
      return undefined;
  }
}

function answerDeleted<V extends Version>(collection: Collection<V>, call: Call): Answer | undefined {
  const { kind, entries, url } = collection;
  switch (call.route) {
    case "GET ":
      return page(namesOf(entries, true), call.target, url, (of) => shownDeleted(collection, of));
    case "GET :name":
      return shownDeleted(collection, call.name);
    case "POST :name/recover":
      delete findEntry(entries, kind, call.name, true).deleted;
      return shown(collection, call.name, findVersion(entries, kind, call.name, ""));
    case "DELETE :name":
      findEntry(entries, kind, call.name, true);
      Reflect.deleteProperty(entries, call.name);
      return null;
    default:
      return undefined;
  }
}

/** A secret's bundle carries its value, which only reading and setting show; a key's is the same everywhere. */
function shown<V extends Version>({ kind, url, read, properties }: Collection<V>, name: string, version: V): object {
  return kind === "key" ? read(url, name, version) : properties(`${url}/secrets/${name}/${version.version}`, version);
}

function shownDeleted<V extends Version>(collection: Collection<V>, name: string): object {
  const { versions, deleted = 0 } = findEntry(collection.entries, collection.kind, name, true);
  return {
    ...versions.slice(-1).map((current) => shown(collection, name, current))[0],
    ...deletionOf(collection.url, collection.kind, name, deleted),
  };
}
