import { type DocumentOperation, DocumentWriter, MAX_BYTES, type Outcome } from "./documents.ts";
import { badRequest, CosmosError } from "./errors.ts";
import { type PartitionKey, parsePartitionKey, partitionText } from "./partitionKey.ts";
import type { Container, Item } from "./model.ts";
import type { Store } from "./store.ts";

const MAX_OPERATIONS = 100;
/** Of an operation that was not carried out because another one failed. */
const FAILED_DEPENDENCY = 424;

interface BatchResult {
  readonly statusCode: number;
  readonly requestCharge: number;
  readonly eTag?: string;
  readonly resourceBody?: Item;
  readonly subStatusCode?: number;
}

class BatchFailed extends Error {
  readonly index: number;
  readonly reason: CosmosError;

  constructor(index: number, reason: CosmosError) {
    super(reason.message);
    this.index = index;
    this.reason = reason;
  }
}

function parseOperation(value: unknown, key: PartitionKey): DocumentOperation {
  if (typeof value !== "object" || value === null) throw badRequest("A batch operation is not an object.");
  const { operationType, id, resourceBody, ifMatch, ifNoneMatch, partitionKey } = value as Item;
  if (typeof partitionKey === "string" && partitionText(parsePartitionKey(partitionKey)) !== partitionText(key)) {
    throw badRequest("A batch operation names another partition than the batch.");
  }
  return {
    type: operationType as DocumentOperation["type"],
    ...(typeof id === "string" ? { id } : {}),
    ...(resourceBody === undefined ? {} : { body: resourceBody }),
    ...(typeof ifMatch === "string" ? { ifMatch } : {}),
    ...(typeof ifNoneMatch === "string" ? { ifNoneMatch } : {}),
  };
}

function toResult(outcome: Outcome, withBodies: boolean): BatchResult {
  return {
    statusCode: outcome.status,
    requestCharge: outcome.charge,
    ...(outcome.etag === undefined ? {} : { eTag: outcome.etag }),
    ...(withBodies && outcome.item !== undefined ? { resourceBody: outcome.item } : {}),
  };
}

function failure(count: number, { index, reason }: BatchFailed): BatchResult[] {
  return Array.from({ length: count }, (_, position) =>
    position === index
      ? {
          statusCode: reason.status,
          requestCharge: 0,
          ...(reason.substatus === undefined ? {} : { subStatusCode: reason.substatus }),
        }
      : { statusCode: FAILED_DEPENDENCY, requestCharge: 0 },
  );
}

/**
 * Carries out operations on one partition in their order, all or none. The first that fails keeps its status, every
 * other one gets 424, and the answer is 207, as the service does.
 * @see https://learn.microsoft.com/azure/cosmos-db/transactional-batch
 */
export function runBatch(
  store: Store,
  container: Container,
  key: PartitionKey,
  request: { readonly bytes: number; readonly operations: unknown; readonly withBodies: boolean },
): { readonly status: number; readonly results: BatchResult[] } {
  if (!Array.isArray(request.operations) || request.operations.length === 0) {
    throw badRequest("Batch request is empty.");
  }
  if (request.operations.length > MAX_OPERATIONS) {
    throw badRequest("Batch request has more operations than what is supported.");
  }
  if (request.bytes > MAX_BYTES) throw new CosmosError(413, "Batch request size is too large.");
  const operations = request.operations.map((value) => parseOperation(value, key));
  try {
    const results = store.write(container, (lsn) => {
      const writer = new DocumentWriter(store, container, key, lsn);
      return operations.map((operation, index) => {
        try {
          return toResult(writer.perform(operation), request.withBodies);
        } catch (error) {
          throw error instanceof CosmosError ? new BatchFailed(index, error) : error;
        }
      });
    });
    return { status: 200, results };
  } catch (error) {
    if (error instanceof BatchFailed) return { status: 207, results: failure(operations.length, error) };
    throw error;
  }
}
