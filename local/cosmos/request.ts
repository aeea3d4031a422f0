import type { IncomingMessage } from "node:http";
import { badRequest, CosmosError } from "./errors.ts";
import type { Operation } from "./requestLog.ts";

/** A request of the REST API, understood as far as its URL, headers and JSON body. */
export interface CosmosRequest {
  readonly operation: Operation;
  readonly databaseId: string;
  readonly containerId: string;
  /** The document addressed by the URL. */
  readonly id: string | undefined;
  readonly partitionKey: string | undefined;
  readonly partitionRangeId: string | undefined;
  readonly crossPartition: boolean;
  readonly ifMatch: string | undefined;
  readonly ifNoneMatch: string | undefined;
  readonly ifModifiedSince: string | undefined;
  readonly consistency: string | undefined;
  /** Set by a fault: read as a replica would that has not heard of the latest write. */
  readonly stale: boolean;
  readonly pageSize: string | undefined;
  readonly continuation: string | undefined;
  /** Batches: send the documents back. */
  readonly withBodies: boolean;
  readonly body: unknown;
  /** Size of the body. */
  readonly bytes: number;
}

const PREFIX = "x-ms-documentdb-";

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(",") : value;
}

const isTrue = (value: string | undefined): boolean => value?.toLowerCase() === "true";

function documentsOperation(request: IncomingMessage): Operation | undefined {
  if (request.method === "GET") {
    return header(request, "a-im") === undefined ? "document.list" : "document.changeFeed";
  }
  if (request.method !== "POST") return undefined;
  if (isTrue(header(request, "x-ms-cosmos-is-query-plan-request"))) return "document.queryPlan";
  if (isTrue(header(request, `${PREFIX}isquery`))) return "document.query";
  if (isTrue(header(request, "x-ms-cosmos-is-batch-request"))) return "document.batch";
  return isTrue(header(request, `${PREFIX}is-upsert`)) ? "document.upsert" : "document.create";
}

/** By the last fixed word of the path, then by method. */
const collections: Readonly<Record<string, Readonly<Record<string, Operation>>>> = {
  dbs: { GET: "database.list", POST: "database.create" },
  colls: { GET: "container.list", POST: "container.create" },
  pkranges: { GET: "partitionRanges.read" },
};
const resources: Readonly<Record<string, Readonly<Record<string, Operation>>>> = {
  dbs: { GET: "database.read", DELETE: "database.delete" },
  colls: { GET: "container.read", PUT: "container.replace", DELETE: "container.delete" },
  docs: {
    GET: "document.read",
    PUT: "document.replace",
    PATCH: "document.patch",
    DELETE: "document.delete",
  },
};
const HIERARCHY = ["dbs", "colls"];

function operationOf(request: IncomingMessage, segments: readonly string[]): Operation | undefined {
  const method = request.method ?? "";
  if (segments.length === 0) return method === "GET" ? "account.read" : undefined;
  const words = segments.filter((_, index) => index % 2 === 0);
  const last = words.at(-1) ?? "";
  const parents = words.slice(0, -1);
  const expected = { dbs: 0, colls: 1 }[last] ?? 2;
  if (parents.length !== expected || !parents.every((word, level) => word === HIERARCHY[level])) return undefined;
  if (segments.length % 2 === 0) return resources[last]?.[method];
  return last === "docs" ? documentsOperation(request) : collections[last]?.[method];
}

/** @throws CosmosError 400 for a malformed body, 404 or 405 for what the local server does not offer. */
export function parseRequest(request: IncomingMessage, text: string): CosmosRequest {
  const { pathname } = new URL(request.url ?? "/", "https://localhost");
  let segments: string[];
  try {
    segments = pathname.split("/").filter(Boolean).map(decodeURIComponent);
  } catch {
    throw badRequest("The path is malformed.");
  }
  const operation = operationOf(request, segments);
  if (operation === undefined) throw new CosmosError(405, "The local server does not offer this resource or method.");
  if (operation === "document.batch" && !isTrue(header(request, "x-ms-cosmos-batch-atomic"))) {
    throw badRequest("The local server offers batches in one transaction only, no bulk requests.");
  }
  if (operation === "document.changeFeed" && header(request, "a-im")?.toLowerCase() !== "incremental feed") {
    throw badRequest("The local server offers the change feed's latest version mode only.");
  }
  if (header(request, "x-ms-start-epk") !== undefined) {
    throw badRequest("The local server offers no ranges of a physical partition.");
  }
  let body: unknown;
  try {
    body = text === "" ? undefined : JSON.parse(text);
  } catch {
    throw badRequest("The request body is not JSON.");
  }
  return {
    operation,
    databaseId: segments[1] ?? "",
    containerId: segments[3] ?? "",
    id: segments[5],
    partitionKey: header(request, `${PREFIX}partitionkey`),
    partitionRangeId: header(request, `${PREFIX}partitionkeyrangeid`),
    crossPartition: isTrue(header(request, `${PREFIX}query-enablecrosspartition`)),
    ifMatch: header(request, "if-match"),
    ifNoneMatch: header(request, "if-none-match"),
    ifModifiedSince: header(request, "if-modified-since"),
    stale: false,
    consistency: header(request, "x-ms-consistency-level"),
    pageSize: header(request, "x-ms-max-item-count"),
    continuation: header(request, "x-ms-continuation"),
    withBodies: header(request, "prefer") !== "return=minimal",
    body,
    bytes: Buffer.byteLength(text),
  };
}
