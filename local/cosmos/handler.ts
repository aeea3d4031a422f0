import { runBatch } from "./batch.ts";
import { readChangeFeed } from "./changeFeed.ts";
import {
  type DocumentOperation,
  DocumentWriter,
  MAX_BYTES,
  type Outcome,
  readCharge,
  readDocument,
  render,
} from "./documents.ts";
import { badRequest, conflict, CosmosError, notFound, preconditionFailed } from "./errors.ts";
import { type PartitionKey, parsePartitionKey, partitionRange, requireFullKey } from "./partitionKey.ts";
import {
  parseQueryRequest,
  planQuery,
  requiredValue,
  requireServableAcrossPartitions,
  requireSortIndex,
  runQuery,
} from "./query.ts";
import {
  containerRid,
  parseContainer,
  parseId,
  renderAccount,
  renderContainer,
  renderDatabase,
  renderPartitionRanges,
} from "./resources.ts";
import type { CosmosRequest } from "./request.ts";
import type { Container, Database } from "./model.ts";
import type { Store } from "./store.ts";

/** What is sent back. Without a body, nothing is. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

function answer(status: number, body?: unknown, headers: Record<string, string> = {}): Answer {
  return { status, headers: { "x-ms-request-charge": "1", ...headers }, ...(body === undefined ? {} : { body }) };
}

/** Carries out requests of the REST API on a store. Throws CosmosError for every refusal. */
export class Handler {
  readonly #store: Store;
  readonly #origin: string;

  constructor(store: Store, origin: string) {
    this.#store = store;
    this.#origin = origin;
  }

  handle(request: CosmosRequest): Answer {
    const { operation } = request;
    if (operation === "account.read") return answer(200, renderAccount(this.#origin));
    if (operation.startsWith("database.")) return this.#database(request);
    if (operation.startsWith("container.")) return this.#containers(request);
    const container = this.#container(request);
    if (operation === "partitionRanges.read") {
      const ranges = renderPartitionRanges(container);
      return answer(200, { _rid: containerRid(container), PartitionKeyRanges: ranges, _count: ranges.length });
    }
    const { status, headers, body } = this.#documents(request, container);
    return {
      status,
      headers: {
        ...headers,
        "x-ms-session-token": `0:-1#${this.#store.lsn(container)}`,
        "x-ms-content-path": containerRid(container),
        "x-ms-alt-content-path": `dbs/${container.database.id}/colls/${container.id}`,
      },
      ...(body === undefined ? {} : { body }),
    };
  }

  #database(request: CosmosRequest): Answer {
    switch (request.operation) {
      case "database.list": {
        const databases = this.#store.databases().map(renderDatabase);
        return answer(200, { _rid: "", Databases: databases, _count: databases.length });
      }
      case "database.create": {
        const id = parseId(request.body);
        if (!this.#store.createDatabase(id)) throw conflict();
        return answer(201, renderDatabase(this.#requireDatabase(id)));
      }
      case "database.delete":
        this.#store.deleteDatabase(this.#requireDatabase(request.databaseId));
        return answer(204);
      default: {
        const database = this.#requireDatabase(request.databaseId);
        return answer(200, renderDatabase(database), { etag: database.etag });
      }
    }
  }

  #containers(request: CosmosRequest): Answer {
    switch (request.operation) {
      case "container.list": {
        const database = this.#requireDatabase(request.databaseId);
        const containers = this.#store.containers(database).map(renderContainer);
        return answer(200, { _rid: "", DocumentCollections: containers, _count: containers.length });
      }
      case "container.create": {
        const definition = parseContainer(request.body);
        if (!this.#store.createContainer(this.#requireDatabase(request.databaseId), definition)) throw conflict();
        return answer(201, renderContainer(this.#container({ ...request, containerId: definition.id })));
      }
      case "container.replace": {
        const container = this.#container(request);
        const definition = parseContainer(request.body);
        if (request.ifMatch !== undefined && request.ifMatch !== container.etag) throw preconditionFailed();
        const sameKey =
          JSON.stringify(definition.partitionKey.paths) === JSON.stringify(container.definition.partitionKey.paths);
        if (definition.id !== container.id || !sameKey) {
          throw badRequest("The id and the partition key of a container cannot be changed.");
        }
        this.#store.replaceContainer(container, definition);
        return answer(200, renderContainer(this.#container(request)));
      }
      case "container.delete":
        this.#store.deleteContainer(this.#container(request));
        return answer(204);
      default: {
        const container = this.#container(request);
        return answer(200, renderContainer(container), { etag: container.etag });
      }
    }
  }

  #documents(request: CosmosRequest, container: Container): Answer {
    const key = request.partitionKey === undefined ? undefined : parsePartitionKey(request.partitionKey);
    switch (request.operation) {
      case "document.queryPlan":
        return answer(200, planQuery(parseQueryRequest(request.body)));
      case "document.query":
        return this.#query(request, container, key, request.body);
      case "document.list":
        return this.#query(request, container, key, { query: "SELECT * FROM c" });
      case "document.changeFeed":
        return this.#changeFeed(request, container, key);
      case "document.batch": {
        const fullKey = requireFullKey(key, container.definition.partitionKey);
        const { bytes, body, withBodies } = request;
        const { status, results } = runBatch(this.#store, container, fullKey, { bytes, operations: body, withBodies });
        const charge = results.reduce((sum, { requestCharge }) => sum + requestCharge, 0);
        return answer(status, results, { "x-ms-request-charge": charge.toFixed(2) });
      }
      default:
        return this.#point(request, container, requireFullKey(key, container.definition.partitionKey));
    }
  }

  #point(request: CosmosRequest, container: Container, key: PartitionKey): Answer {
    if (request.bytes > MAX_BYTES) throw new CosmosError(413, "Request size is too large.");
    const operation: DocumentOperation = {
      type: pointOperation(request),
      ...(request.id === undefined ? {} : { id: request.id }),
      ...(request.body === undefined ? {} : { body: request.body }),
      ...(request.ifMatch === undefined ? {} : { ifMatch: request.ifMatch }),
      ...(request.ifNoneMatch === undefined ? {} : { ifNoneMatch: request.ifNoneMatch }),
    };
    const outcome: Outcome =
      operation.type === "Read"
        ? readDocument(this.#store, container, key, operation, request.stale)
        : this.#store.write(container, (lsn) =>
            new DocumentWriter(this.#store, container, key, lsn).perform(operation),
          );
    return answer(outcome.status, outcome.item, {
      "x-ms-request-charge": outcome.charge.toFixed(2),
      ...(outcome.etag === undefined ? {} : { etag: outcome.etag }),
    });
  }

  #query(request: CosmosRequest, container: Container, key: PartitionKey | undefined, body: unknown): Answer {
    const query = parseQueryRequest(body);
    // With a range id, the SDK goes over the physical partitions itself.
    if (key === undefined && request.partitionRangeId === undefined) {
      requireServableAcrossPartitions(query, request.crossPartition);
    }
    requireSortIndex(query, container.definition.indexingPolicy);
    const range = partitionRange(key, container.definition.partitionKey);
    const kind = requiredValue(query, "/kind");
    const documents = this.#store.documents(container, range, typeof kind === "string" ? kind : undefined);
    const items = documents.map((document) => render(container, document));
    const page = runQuery(query, items, request.pageSize, request.continuation);
    const charge = 2 + readCharge(JSON.stringify(page.documents).length);
    return answer(
      200,
      { _rid: containerRid(container), Documents: page.documents, _count: page.documents.length },
      {
        "x-ms-request-charge": charge.toFixed(2),
        "x-ms-item-count": String(page.documents.length),
        ...(page.continuation === undefined ? {} : { "x-ms-continuation": page.continuation }),
      },
    );
  }

  #changeFeed(request: CosmosRequest, container: Container, key: PartitionKey | undefined): Answer {
    const range = partitionRange(key, container.definition.partitionKey);
    const { etag, documents } = readChangeFeed(this.#store, container, range, request);
    if (documents.length === 0) return answer(304, undefined, { etag });
    const body = { _rid: containerRid(container), Documents: documents, _count: documents.length };
    return answer(200, body, { etag, "x-ms-item-count": String(documents.length) });
  }

  #requireDatabase(id: string): Database {
    const database = this.#store.database(id);
    if (database === undefined) throw notFound();
    return database;
  }

  #container({ databaseId, containerId }: Pick<CosmosRequest, "databaseId" | "containerId">): Container {
    const container = this.#store.container(databaseId, containerId);
    if (container === undefined) throw notFound();
    return container;
  }
}

function pointOperation({ operation }: CosmosRequest): DocumentOperation["type"] {
  switch (operation) {
    case "document.create":
      return "Create";
    case "document.upsert":
      return "Upsert";
    case "document.read":
      return "Read";
    case "document.replace":
      return "Replace";
    case "document.patch":
      return "Patch";
    case "document.delete":
      return "Delete";
    default:
      throw new CosmosError(405, "The operation is not supported by the local server.");
  }
}
