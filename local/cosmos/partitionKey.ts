import { badRequest, PARTITION_KEY_MISMATCH } from "./errors.ts";
import type { Item, PartitionKeyDefinition } from "./model.ts";

/** One level of a key. `undefined` travels as `{}`: the document has no such property. */
export type KeyValue = string | number | boolean | null | undefined;
export type PartitionKey = readonly KeyValue[];

/** The service's limit for a key value of version 2, in bytes. */
const MAX_VALUE_BYTES = 2048;
const NO_VALUE = "{}";

const mismatch = (): Error =>
  badRequest(
    "Partition key provided either doesn't correspond to definition in the collection or doesn't match partition key field values specified in the document.",
    PARTITION_KEY_MISMATCH,
  );

function isEmptyObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
}

function toKeyValue(value: unknown): KeyValue {
  if (typeof value === "string") {
    if (Buffer.byteLength(value) > MAX_VALUE_BYTES) throw badRequest("The partition key value is too long.");
    return value;
  }
  if (typeof value === "number" || typeof value === "boolean" || value === null || value === undefined) return value;
  if (isEmptyObject(value)) return undefined;
  throw mismatch();
}

/** Reads `x-ms-documentdb-partitionkey`, a JSON array with one value per level. */
export function parsePartitionKey(header: string): PartitionKey {
  let values: unknown;
  try {
    values = JSON.parse(header);
  } catch {
    throw badRequest("The partition key header is not JSON.");
  }
  if (!Array.isArray(values) || values.length === 0) throw mismatch();
  return values.map(toKeyValue);
}

/** The key that a document's own properties give. */
function partitionKeyOf(item: Item, definition: PartitionKeyDefinition): PartitionKey {
  return definition.paths.map((path) => {
    let value: unknown = item;
    for (const name of path.split("/").slice(1)) {
      value = typeof value === "object" && value !== null ? (value as Item)[name] : undefined;
    }
    return toKeyValue(value);
  });
}

/** The text under which a partition is stored; unlike a plain JSON array it tells `undefined` from `null`. */
export function partitionText(key: PartitionKey): string {
  return `[${key.map((value) => (value === undefined ? NO_VALUE : JSON.stringify(value))).join(",")}]`;
}

/** Point operations and batches address one logical partition: every level is required. */
export function requireFullKey(key: PartitionKey | undefined, definition: PartitionKeyDefinition): PartitionKey {
  if (key === undefined) throw badRequest("PartitionKey value must be supplied for this operation.");
  if (key.length !== definition.paths.length) throw mismatch();
  return key;
}

/** A document is written only into the partition that the request addressed. */
export function requireSameKey(item: Item, key: PartitionKey, definition: PartitionKeyDefinition): void {
  if (partitionText(partitionKeyOf(item, definition)) !== partitionText(key)) {
    throw badRequest(
      "PartitionKey extracted from document doesn't match the one specified in the header",
      PARTITION_KEY_MISMATCH,
    );
  }
}

/** The partitions of a query or feed: one, those below a prefix of a hierarchical key, or all of a container. */
export type PartitionRange = { readonly from: string; readonly to: string } | undefined;

export function partitionRange(key: PartitionKey | undefined, definition: PartitionKeyDefinition): PartitionRange {
  if (key === undefined) return undefined;
  const text = partitionText(key);
  if (key.length === definition.paths.length) return { from: text, to: text };
  if (key.length > definition.paths.length) throw mismatch();
  const prefix = text.slice(0, -1);
  return { from: `${prefix},`, to: `${prefix},\u{10FFFF}` };
}
