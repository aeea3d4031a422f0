import { badRequest } from "./errors.ts";
import type { Item, PartitionKeyDefinition } from "./model.ts";

/** One step of a partial update; `incr` takes a number. The SDK knows no `move`. */
export interface PatchOperation {
  readonly op: "add" | "set" | "replace" | "remove" | "incr";
  readonly path: string;
  readonly value?: unknown;
}

/** @see https://learn.microsoft.com/azure/cosmos-db/partial-document-update-faq */
const MAX_OPERATIONS = 10;
const SYSTEM_PROPERTIES = new Set(["id", "_rid", "_self", "_etag", "_attachments", "_ts"]);
const INDEX = /^(?:0|[1-9]\d*)$/;

function parsePath(path: unknown): string[] {
  if (typeof path !== "string" || !path.startsWith("/") || path === "/") throw badRequest("A patch path is invalid.");
  return path
    .slice(1)
    .split("/")
    .map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
}

interface Place {
  readonly parent: Item | unknown[];
  readonly name: string;
}

function locate(item: Item, path: string): Place {
  const names = parsePath(path);
  const name = names.pop() ?? "";
  let parent: unknown = item;
  for (const step of names) {
    if (Array.isArray(parent)) parent = INDEX.test(step) ? (parent as unknown[])[Number(step)] : undefined;
    else parent = typeof parent === "object" && parent !== null ? ownValue(parent as Item, step) : undefined;
  }
  if (typeof parent !== "object" || parent === null) {
    throw badRequest(`A patch operation's path '${path}' has a parent that does not exist.`);
  }
  return { parent: parent as Item | unknown[], name };
}

function ownValue(item: Item, name: string): unknown {
  return Object.hasOwn(item, name) ? item[name] : undefined;
}

function indexIn(name: string, last: number): number {
  const index = INDEX.test(name) ? Number(name) : -1;
  if (index < 0 || index > last) throw badRequest(`A patch operation's array index '${name}' is out of bounds.`);
  return index;
}

function valueAt({ parent, name }: Place): unknown {
  return Array.isArray(parent) ? parent[indexIn(name, parent.length - 1)] : ownValue(parent, name);
}

function put({ parent, name }: Place, value: unknown, mode: "insert" | "overwrite"): void {
  if (!Array.isArray(parent)) {
    // Defined, not assigned: a property named __proto__ stays data.
    Object.defineProperty(parent, name, { value, writable: true, enumerable: true, configurable: true });
  } else if (name === "-") {
    parent.push(value);
  } else if (mode === "insert") {
    parent.splice(indexIn(name, parent.length), 0, value);
  } else {
    parent[indexIn(name, parent.length - 1)] = value;
  }
}

function remove(place: Place, path: string): void {
  if (valueAt(place) === undefined) throw badRequest(`A patch operation's path '${path}' does not exist.`);
  if (Array.isArray(place.parent)) place.parent.splice(Number(place.name), 1);
  else Reflect.deleteProperty(place.parent, place.name);
}

function increment(place: Place, by: unknown): void {
  const current = valueAt(place);
  if (typeof by !== "number" || (current !== undefined && typeof current !== "number")) {
    throw badRequest("A patch increment needs a number, on both sides.");
  }
  put(place, (current ?? 0) + by, "overwrite");
}

function apply(item: Item, operation: PatchOperation): void {
  const place = locate(item, operation.path);
  if (operation.op !== "remove" && operation.value === undefined) {
    throw badRequest("A patch operation has no value.");
  }
  switch (operation.op) {
    case "add":
      put(place, operation.value, "insert");
      break;
    case "set":
      put(place, operation.value, "overwrite");
      break;
    case "replace":
      if (valueAt(place) === undefined) throw badRequest(`A patch replaces '${operation.path}', which does not exist.`);
      put(place, operation.value, "overwrite");
      break;
    case "remove":
      remove(place, operation.path);
      break;
    case "incr":
      increment(place, operation.value);
      break;
    default:
      throw badRequest("A patch operation is unknown.");
  }
}

/** Returns a patched copy. The id, the partition key and the service's own properties cannot be patched. */
export function applyPatch(item: Item, operations: unknown, definition: PartitionKeyDefinition): Item {
  if (!Array.isArray(operations) || operations.length === 0) throw badRequest("A patch has no operations.");
  if (operations.length > MAX_OPERATIONS) throw badRequest("The number of patch operations can't exceed 10.");
  const copy = structuredClone(item);
  for (const operation of operations as PatchOperation[]) {
    const [first = "", ...deeper] = parsePath(operation.path);
    const { path } = operation;
    const inKey = definition.paths.some((key) => key === path || key.startsWith(`${path}/`));
    if (inKey || (deeper.length === 0 && SYSTEM_PROPERTIES.has(first))) {
      throw badRequest(`A patch may not change '${path}'.`);
    }
    apply(copy, operation);
  }
  return copy;
}
