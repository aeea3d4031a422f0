/** What a request asks for: a kind of resource and a verb. */
export type Operation =
  | "account.read"
  | "database.list"
  | "database.create"
  | "database.read"
  | "database.delete"
  | "container.list"
  | "container.create"
  | "container.read"
  | "container.replace"
  | "container.delete"
  | "partitionRanges.read"
  | "document.list"
  | "document.create"
  | "document.upsert"
  | "document.read"
  | "document.replace"
  | "document.patch"
  | "document.delete"
  | "document.query"
  | "document.queryPlan"
  | "document.batch"
  | "document.changeFeed";

/** The app, the local host for its own ends (change feed and leases), or a test past the app. */
export type Sender = "app" | "host" | "test";

/** One request as it arrived, for tests that assert on what reached the database. */
export interface RequestRecord {
  /** Counts up from 1 since the server started. */
  readonly sequence: number;
  readonly operation: Operation;
  /** `<database>/<container>`. */
  readonly container?: string;
  /** The partition key header as JSON text, e.g. `["tnt_1"]`. */
  readonly partitionKey?: string;
  /** The document addressed by the URL. */
  readonly id?: string;
  /** What the request asked for, when it asked for less than the account's strong consistency. */
  readonly consistency?: string;
  /** Queries: every row must satisfy `c.tenantId = @tenantId`. */
  readonly tenantPredicate?: boolean;
  /** Batches: the operations in their order, e.g. `["Create", "Patch"]`. */
  readonly batch?: readonly string[];
  /** The client's own where it sent one: the app's is made from its request's id. */
  readonly activityId: string;
  readonly from: Sender;
  /** What is wrong with it by the rule that the app is held to: see violation.ts. */
  readonly violation?: string;
  /** The HTTP status that was sent, or `reset` when a fault cut the connection. */
  readonly status: number | "reset";
}

export interface RequestFilter {
  /** Only requests after this sequence number. */
  readonly since?: number;
  readonly container?: string;
  readonly partitionKey?: string;
  readonly activityId?: string;
}

const CAPACITY = 10_000;

/** Counts all requests and remembers the last ten thousand. */
export class RequestLog {
  readonly #totals = new Map<Operation, number>();
  #records: RequestRecord[] = [];
  #sequence = 0;

  /** Sequence number of the latest request: a snapshot to pass as `since`. */
  get latest(): number {
    return this.#sequence;
  }

  add(record: Omit<RequestRecord, "sequence">): void {
    this.#sequence += 1;
    this.#totals.set(record.operation, (this.#totals.get(record.operation) ?? 0) + 1);
    this.#records.push({ sequence: this.#sequence, ...record });
    // Trimmed in halves, so that a push stays cheap.
    if (this.#records.length >= 2 * CAPACITY) this.#records = this.#records.slice(-CAPACITY);
  }

  records(filter: RequestFilter = {}): readonly RequestRecord[] {
    return this.#records
      .slice(-CAPACITY)
      .filter(
        (record) =>
          record.sequence > (filter.since ?? 0) &&
          (filter.container === undefined || record.container === filter.container) &&
          (filter.partitionKey === undefined || record.partitionKey === filter.partitionKey) &&
          (filter.activityId === undefined || record.activityId === filter.activityId),
      );
  }

  /** Requests by operation: since the last reset, or among the remembered ones that pass the filter. */
  counters(filter?: RequestFilter): Partial<Record<Operation, number>> {
    if (filter === undefined) return Object.fromEntries(this.#totals);
    const counts: Partial<Record<Operation, number>> = {};
    for (const { operation } of this.records(filter)) counts[operation] = (counts[operation] ?? 0) + 1;
    return counts;
  }

  reset(): void {
    this.#totals.clear();
    this.#records = [];
  }
}
