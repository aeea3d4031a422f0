import { badRequest, conflict, CosmosError, notFound, preconditionFailed } from "./errors.ts";
import { type PartitionKey, partitionText, requireSameKey } from "./partitionKey.ts";
import { applyPatch } from "./patch.ts";
import { satisfies } from "./query.ts";
import { containerRid, documentRid } from "./resources.ts";
import type { Container, Item, StoredDocument } from "./model.ts";
import type { Store } from "./store.ts";

/** 2 MB: the limit of a document, of a request and of a batch. */
export const MAX_BYTES = 2 * 1024 * 1024;

const MAX_ID_LENGTH = 255;
const MAX_TTL = 2_147_483_647;
/** Properties that the service sets; what a body says about them is dropped. */
const SERVICE_PROPERTIES = ["_rid", "_self", "_etag", "_attachments", "_ts", "_lsn"];

/** What is done to one document, alone or inside a batch. */
export interface DocumentOperation {
  readonly type: "Create" | "Upsert" | "Read" | "Replace" | "Patch" | "Delete";
  /** Absent for Create and Upsert, whose body names it. */
  readonly id?: string;
  readonly body?: unknown;
  readonly ifMatch?: string;
  readonly ifNoneMatch?: string;
}

/** What came of it. `charge` is an estimate in request units. */
export interface Outcome {
  readonly status: number;
  readonly charge: number;
  readonly etag?: string;
  readonly item?: Item;
}

/** A document as it is sent: its own properties and the service's. */
export function render(container: Container, document: StoredDocument): Item {
  const rid = documentRid(container, document.key);
  return {
    ...document.body,
    _rid: rid,
    _self: `dbs/${container.database.id}/colls/${containerRid(container)}/docs/${rid}/`,
    _etag: document.etag,
    _attachments: "attachments/",
    _ts: document.timestamp,
  };
}

/** Request units of reading, about 1 per KB. */
export function readCharge(bytes: number): number {
  return Math.max(1, Math.round(bytes / 102.4) / 10);
}

function writeCharge(item: Item): number {
  return 5 + readCharge(JSON.stringify(item).length);
}

function toBody(value: unknown): Item {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw badRequest("The input content is invalid because the document is not an object.");
  }
  const body: Item = { ...value };
  for (const name of SERVICE_PROPERTIES) Reflect.deleteProperty(body, name);
  const { id, ttl } = body;
  if (typeof id !== "string" || id === "" || id.length > MAX_ID_LENGTH || /[/\\?#]/.test(id)) {
    throw badRequest("The input content is invalid because the required property 'id' is missing or malformed.");
  }
  if (ttl !== undefined && !(Number.isInteger(ttl) && (ttl === -1 || (Number(ttl) > 0 && Number(ttl) <= MAX_TTL)))) {
    throw badRequest(
      `The input ttl '${JSON.stringify(ttl)}' is invalid. Ensure to provide a nonzero positive integer less than or equal to '2147483647', or '-1' which means never expire.`,
    );
  }
  if (Buffer.byteLength(JSON.stringify(body)) > MAX_BYTES) throw new CosmosError(413, "Request size is too large.");
  return body;
}

/** One container's documents in one partition, within the transaction that `lsn` numbers. */
export class DocumentWriter {
  readonly #store: Store;
  readonly #container: Container;
  readonly #key: PartitionKey;
  readonly #partition: string;
  readonly #lsn: number;

  constructor(store: Store, container: Container, key: PartitionKey, lsn: number) {
    this.#store = store;
    this.#container = container;
    this.#key = key;
    this.#partition = partitionText(key);
    this.#lsn = lsn;
  }

  /** @throws CosmosError 400, 404, 409, 412 or 413; the caller's transaction must then be undone. */
  perform(operation: DocumentOperation): Outcome {
    switch (operation.type) {
      case "Create":
        return this.#create(operation);
      case "Upsert":
        return this.#upsert(operation);
      case "Read":
        return readDocument(this.#store, this.#container, this.#key, operation);
      case "Replace":
        return this.#replace(operation);
      case "Patch":
        return this.#patch(operation);
      case "Delete":
        return this.#delete(operation);
      default:
        throw badRequest("The operation is unknown.");
    }
  }

  #create(operation: DocumentOperation): Outcome {
    const body = this.#body(operation);
    if (this.#store.document(this.#container, this.#partition, String(body["id"]))) throw conflict();
    return this.#save(201, body);
  }

  #upsert(operation: DocumentOperation): Outcome {
    const body = this.#body(operation);
    const existing = this.#store.document(this.#container, this.#partition, String(body["id"]));
    if (existing !== undefined) requireMatch(existing, operation.ifMatch);
    return this.#save(existing ? 200 : 201, body, existing);
  }

  #replace(operation: DocumentOperation): Outcome {
    const body = this.#body(operation);
    if (body["id"] !== operation.id) throw badRequest("The id in the document differs from the one in the request.");
    return this.#save(200, body, this.#existing(operation));
  }

  #patch(operation: DocumentOperation): Outcome {
    const existing = this.#existing(operation);
    const { condition, operations } = Array.isArray(operation.body)
      ? { condition: undefined, operations: operation.body as unknown }
      : ((operation.body ?? {}) as Item);
    if (condition !== undefined) {
      if (typeof condition !== "string") throw badRequest("A patch's condition is not text.");
      if (!satisfies(render(this.#container, existing), condition)) throw preconditionFailed();
    }
    const body = applyPatch(existing.body, operations, this.#container.definition.partitionKey);
    return this.#save(200, toBody(body), existing);
  }

  #delete(operation: DocumentOperation): Outcome {
    const existing = this.#existing(operation);
    this.#store.remove(existing);
    return { status: 204, charge: writeCharge(existing.body) };
  }

  #body(operation: DocumentOperation): Item {
    const body = toBody(operation.body);
    requireSameKey(body, this.#key, this.#container.definition.partitionKey);
    return body;
  }

  #existing({ id = "", ifMatch }: DocumentOperation): StoredDocument {
    const existing = this.#store.document(this.#container, this.#partition, id);
    if (existing === undefined) throw notFound();
    requireMatch(existing, ifMatch);
    return existing;
  }

  #save(status: number, body: Item, existing?: StoredDocument): Outcome {
    const saved = this.#store.save(this.#container, this.#partition, body, this.#lsn, existing);
    return { status, charge: writeCharge(body), etag: saved.etag, item: render(this.#container, saved) };
  }
}

function requireMatch(document: StoredDocument, ifMatch: string | undefined): void {
  if (ifMatch !== undefined && ifMatch !== "*" && ifMatch !== document.etag) throw preconditionFailed();
}

/** A point read; 304 when `ifNoneMatch` names the version that is there. */
export function readDocument(
  store: Store,
  container: Container,
  key: PartitionKey,
  { id = "", ifNoneMatch }: Pick<DocumentOperation, "id" | "ifNoneMatch">,
  stale = false,
): Outcome {
  const partition = partitionText(key);
  const document = stale ? store.staleDocument(container, partition, id) : store.document(container, partition, id);
  if (document === undefined) throw notFound();
  if (ifNoneMatch === document.etag) return { status: 304, charge: 1, etag: document.etag };
  const item = render(container, document);
  return { status: 200, charge: readCharge(JSON.stringify(item).length), etag: document.etag, item };
}
