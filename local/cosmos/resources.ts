import { badRequest } from "./errors.ts";
import type {
  Container,
  ContainerDefinition,
  Database,
  IndexingPolicy,
  Item,
  PartitionKeyDefinition,
} from "./model.ts";

function bytes(...keys: number[]): Buffer {
  const buffer = Buffer.alloc(4 * keys.length);
  keys.forEach((key, index) => buffer.writeUInt32BE(key, 4 * index));
  return buffer;
}

/** Resource ids are base64, as the SDK decodes a container's to its eight bytes; its path form has `-` for `/`. */
const toRid = (...keys: number[]): string =>
  bytes(...keys)
    .toString("base64")
    .replaceAll("/", "-");

export const containerRid = (container: Container): string => toRid(container.database.key, container.key);

/** Sorts by age as text, which queries without ORDER BY and continuations rely on. */
export function documentRid(container: Container, key: number): string {
  return `${containerRid(container)}${key.toString(16).padStart(12, "0")}`;
}

export function renderDatabase(database: Database): Item {
  const rid = toRid(database.key);
  return {
    id: database.id,
    _rid: rid,
    _self: `dbs/${rid}/`,
    _etag: database.etag,
    _colls: "colls/",
    _users: "users/",
    _ts: database.timestamp,
  };
}

export function renderContainer(container: Container): Item {
  const rid = containerRid(container);
  return {
    ...container.definition,
    _rid: rid,
    _self: `dbs/${toRid(container.database.key)}/colls/${rid}/`,
    _etag: container.etag,
    _docs: "docs/",
    _sprocs: "sprocs/",
    _triggers: "triggers/",
    _udfs: "udfs/",
    _conflicts: "conflicts/",
    _ts: container.timestamp,
  };
}

/** A local container is one physical partition. */
export function renderPartitionRanges(container: Container): Item[] {
  return [
    {
      id: "0",
      minInclusive: "",
      maxExclusive: "FF",
      ridPrefix: 0,
      throughputFraction: 1,
      status: "online",
      parents: [],
      _rid: `${containerRid(container)}0`,
      _etag: container.etag,
      _ts: container.timestamp,
    },
  ];
}

/** The database account. Its id must not be `localhost`: the SDK would read the account before every request. */
export function renderAccount(origin: string): Item {
  const locations = [{ name: "local", databaseAccountEndpoint: `${origin}/` }];
  return {
    id: "local",
    _rid: "local",
    _self: "",
    _dbs: "//dbs/",
    media: "//media/",
    addresses: "//addresses/",
    writableLocations: locations,
    readableLocations: locations,
    enableMultipleWriteLocations: false,
    userReplicationPolicy: { asyncReplication: false, minReplicaSetSize: 1, maxReplicasetSize: 4 },
    userConsistencyPolicy: { defaultConsistencyLevel: "Strong" },
    systemReplicationPolicy: { minReplicaSetSize: 1, maxReplicasetSize: 4 },
    readPolicy: { primaryReadCoefficient: 1, secondaryReadCoefficient: 1 },
    queryEngineConfiguration: "{}",
  };
}

const isRecord = (value: unknown): value is Item =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export function parseId(body: unknown): string {
  const id = isRecord(body) ? body["id"] : undefined;
  if (typeof id !== "string" || id === "" || id.length > 255 || /[/\\?#]/.test(id)) {
    throw badRequest("The input content is invalid because the required property 'id' is missing or malformed.");
  }
  return id;
}

function parsePartitionKeyDefinition(value: unknown): PartitionKeyDefinition {
  const { paths, kind = "Hash", version = 1 } = isRecord(value) ? value : {};
  const isPath = (path: unknown): boolean =>
    typeof path === "string" && path.startsWith("/") && path.slice(1).split("/").every(Boolean);
  if (!Array.isArray(paths) || !paths.every(isPath)) throw badRequest("The partition key definition has no paths.");
  const levels = kind === "MultiHash" && version === 2 ? 3 : 1;
  if ((kind !== "Hash" && kind !== "MultiHash") || paths.length < 1 || paths.length > levels) {
    throw badRequest(
      "The partition key definition needs kind Hash and 1 path, or MultiHash, version 2 and 1 to 3 paths.",
    );
  }
  return { paths: paths as string[], kind, version: Number(version) };
}

const DEFAULT_INDEXING: IndexingPolicy & Item = {
  indexingMode: "consistent",
  automatic: true,
  includedPaths: [{ path: "/*" }],
  excludedPaths: [{ path: '/"_etag"/?' }],
};

const isRoot = (entry: unknown): boolean => isRecord(entry) && entry["path"] === "/*";

function parseIndexingPolicy(value: unknown): IndexingPolicy {
  if (!isRecord(value)) return DEFAULT_INDEXING;
  // Some SDKs add the root themselves, this one and templates do not.
  if (![value["includedPaths"], value["excludedPaths"]].flat().some(isRoot)) {
    throw badRequest('The special mandatory indexing path "/" is not provided in any of the path type sets.');
  }
  const policy: IndexingPolicy = { ...DEFAULT_INDEXING, ...value };
  for (const index of policy.compositeIndexes ?? []) {
    const isEntry = (entry: unknown): boolean => isRecord(entry) && typeof entry["path"] === "string";
    if (!Array.isArray(index) || index.length < 2 || !index.every(isEntry)) {
      throw badRequest("A composite index needs at least two paths.");
    }
  }
  return policy;
}

/** Reads a container as it is created or replaced; what the local server does not use is kept as it came. */
export function parseContainer(body: unknown): ContainerDefinition {
  const id = parseId(body);
  const { defaultTtl, partitionKey, indexingPolicy, uniqueKeyPolicy, ...rest } = body as Item;
  // Taken silently, it would promise what is not kept.
  if (uniqueKeyPolicy !== undefined) throw badRequest("The local server offers no unique key policies.");
  if (defaultTtl !== undefined && defaultTtl !== null) {
    if (!Number.isInteger(defaultTtl) || (defaultTtl !== -1 && Number(defaultTtl) < 1)) {
      throw badRequest("The default time to live needs to be -1 or a positive number of seconds.");
    }
  }
  return {
    conflictResolutionPolicy: { mode: "LastWriterWins", conflictResolutionPath: "/_ts" },
    ...rest,
    id,
    partitionKey: parsePartitionKeyDefinition(partitionKey),
    indexingPolicy: parseIndexingPolicy(indexingPolicy),
    ...(typeof defaultTtl === "number" ? { defaultTtl } : {}),
  };
}
