export type Item = Record<string, unknown>;

export interface PartitionKeyDefinition {
  readonly paths: readonly string[];
  readonly kind: "Hash" | "MultiHash";
  readonly version: number;
}

export interface IndexingPolicy {
  readonly includedPaths?: readonly { readonly path: string }[];
  readonly excludedPaths?: readonly { readonly path: string }[];
  readonly compositeIndexes?: readonly (readonly { readonly path: string; readonly order?: string }[])[];
}

/** What a container is made of, as the REST API states it. */
export interface ContainerDefinition extends Item {
  readonly id: string;
  readonly partitionKey: PartitionKeyDefinition;
  readonly indexingPolicy: IndexingPolicy;
  /** Seconds; -1: only items with a `ttl` of their own expire; absent: nothing does. */
  readonly defaultTtl?: number;
}

export interface Database {
  readonly key: number;
  readonly id: string;
  readonly etag: string;
  /** Unix seconds. */
  readonly timestamp: number;
}

export interface Container extends Database {
  readonly database: Database;
  readonly definition: ContainerDefinition;
}

/** A live document: its own properties, and what the service keeps about it. */
export interface StoredDocument {
  readonly key: number;
  readonly id: string;
  readonly body: Item;
  readonly etag: string;
  /** Unix seconds. */
  readonly timestamp: number;
  /** Number of the transaction that wrote this version. */
  readonly lsn: number;
}

const MAX_TTL = 2_147_483_647;

/** When a document expires, in Unix milliseconds; null: never. The container's default switches expiry on. */
export function expiryOf(item: Item, definition: ContainerDefinition, writtenAt: number): number | null {
  if (definition.defaultTtl === undefined) return null;
  const ttl = typeof item["ttl"] === "number" ? item["ttl"] : definition.defaultTtl;
  return ttl === -1 ? null : writtenAt + Math.min(ttl, MAX_TTL) * 1000;
}
