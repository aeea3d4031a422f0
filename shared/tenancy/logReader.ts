import { dataContainer, logContainer } from "./database.ts";
import { reading } from "./failure.ts";
import { tenantPredicate } from "./guard.ts";
import { type LogEntry, entryId, genesis } from "./logEntry.ts";
import type { StoredItem } from "./repository.ts";

/** What entries are looked for by. Times are RFC 3339 in UTC with milliseconds. */
export interface LogFilter {
  /** Id of the actor. */
  readonly actor?: string | undefined;
  readonly target?: string | undefined;
  /** Earliest time, inclusive. */
  readonly from?: string | undefined;
  /** Latest time, exclusive. */
  readonly to?: string | undefined;
}

/** The end of a tenant's log. `pending` are facts that have their places and may not all be written yet. */
export interface LogHead {
  readonly seq: number;
  readonly hash: string;
  readonly month: string;
  /** First sequence number of each month that has entries. */
  readonly months: readonly { readonly month: string; readonly first: number }[];
  readonly pending: { readonly facts: readonly string[]; readonly seq: number; readonly hash: string } | null;
}

/** Id of the document in `data` that holds the end of the log. */
export const headId = "log_head";

/** How far the clock that gave an entry its time may be ahead of the one that gave it its month. */
const clocksApartMs = 3_600_000;

/** Reads the log of one tenant. */
export class LogReader {
  protected readonly tenantId: string;

  constructor(tenantId: string) {
    this.tenantId = tenantId;
  }

  /** Entries behind a sequence number, in order, without gaps, from at most three months. May be fewer than there are. */
  async read(
    after: number,
    limit: number,
  ): Promise<{ readonly entries: readonly LogEntry[]; readonly last: number; readonly more: boolean }> {
    const head = await this.head();
    if (head === undefined) return { entries: [], last: after, more: false };
    const { months, seq } = head.value;
    const first = months.findLastIndex((month) => month.first <= after + 1);
    const entries: LogEntry[] = [];
    for (const { month } of months.slice(Math.max(first, 0), Math.max(first, 0) + 3)) {
      for (const entry of await this.readMonth(month, after, limit - entries.length)) {
        const expected = (entries.at(-1)?.seq ?? after) + 1;
        if (entry.seq !== expected) return { entries, last: expected - 1, more: false };
        entries.push(entry);
      }
      if (entries.length >= limit) break;
    }
    const last = entries.at(-1)?.seq ?? after;
    return { entries, last, more: last < seq && entries.length > 0 };
  }

  /**
   * The newest entries that fit and stand before a sequence number, newest first, from at most three months. May be fewer
   * than there are: `next` is what to go on before, absent where the log begins. One point read, at most three queries.
   */
  async search(
    filter: LogFilter,
    before: number,
    limit: number,
  ): Promise<{ readonly entries: readonly LogEntry[]; readonly next?: number }> {
    const head = await this.head();
    if (head === undefined) return { entries: [] };
    const { months, pending, seq } = head.value;
    // Entries that have their places and are not all written yet would be left out by who goes on behind them.
    const end = Math.min(before, (pending?.seq ?? seq) + 1);
    const earliest = filter.from === undefined ? "" : monthOf(Date.parse(filter.from) - clocksApartMs);
    const fitting = months.filter(({ month, first }) => first < end && month >= earliest);
    const entries: LogEntry[] = [];
    for (const { month } of fitting.slice(-3).reverse()) {
      entries.push(...(await this.#searchMonth(month, filter, end, limit - entries.length)));
      if (entries.length >= limit) break;
    }
    const [oldest, next] = [fitting.at(-3), entries.at(-1)?.seq];
    if (entries.length >= limit) return { entries, ...(next !== undefined && { next }) };
    return { entries, ...(oldest !== undefined && oldest !== fitting[0] && { next: oldest.first }) };
  }

  /** The last entry up to which all are written, as the end of the log says; 0 before the first. One point read. */
  async written(): Promise<Pick<LogHead, "seq" | "hash">> {
    const head = await this.head();
    return head === undefined ? { seq: 0, hash: genesis } : (head.value.pending ?? head.value);
  }

  /** One entry, or undefined. One point read. */
  async find(month: string, seq: number): Promise<LogEntry | undefined> {
    const partition = [this.tenantId, month] as const;
    const { resource } = await reading(partition, (options) =>
      logContainer()
        .item(entryId(seq), [...partition])
        .read<StoredItem>(options),
    );
    return resource === undefined ? undefined : toEntry(resource);
  }

  /** The end of the log with its version; undefined before the first entry. One point read. */
  protected async head(): Promise<{ readonly etag: string; readonly value: LogHead } | undefined> {
    const { resource } = await reading([this.tenantId], (options) =>
      dataContainer().item(headId, this.tenantId).read<StoredItem & LogHead>(options),
    );
    if (resource === undefined) return undefined;
    const { seq, hash, month, months, pending } = resource;
    return { etag: resource._etag, value: { seq, hash, month, months, pending } };
  }

  /** Entries of a month behind a sequence number, in order. One query. */
  readMonth(month: string, after: number, limit: number): Promise<LogEntry[]> {
    return this.#query(month, `SELECT TOP ${limit} * FROM c WHERE ${tenantPredicate} AND c.seq > @after`, "ASC", {
      "@after": after,
    });
  }

  #searchMonth(
    month: string,
    { actor, target, from, to }: LogFilter,
    before: number,
    limit: number,
  ): Promise<LogEntry[]> {
    const conditions = [
      "c.seq < @before",
      ...(actor === undefined ? [] : ["c.actor.id = @actor"]),
      ...(target === undefined ? [] : ["c.target = @target"]),
      ...(from === undefined ? [] : ["c.occurredAt >= @from"]),
      ...(to === undefined ? [] : ["c.occurredAt < @to"]),
    ];
    const query = `SELECT TOP ${limit} * FROM c WHERE ${tenantPredicate} AND ${conditions.join(" AND ")}`;
    const values = { "@before": before, "@actor": actor, "@target": target, "@from": from, "@to": to };
    return this.#query(month, query, "DESC", values);
  }

  async #query(
    month: string,
    query: string,
    direction: "ASC" | "DESC",
    values: Readonly<Record<string, string | number | undefined>>,
  ): Promise<LogEntry[]> {
    const parameters = Object.entries<string | number | undefined>({ "@tenantId": this.tenantId, ...values }).flatMap(
      ([name, value]) => (value === undefined ? [] : [{ name, value }]),
    );
    const { resources } = await reading([this.tenantId, month], (options) =>
      logContainer()
        .items.query<StoredItem>(
          { query: `${query} ORDER BY c.seq ${direction}`, parameters },
          { ...options, partitionKey: [this.tenantId, month] },
        )
        .fetchAll(),
    );
    return resources.map(toEntry);
  }
}

function monthOf(time: number): string {
  return new Date(time).toISOString().slice(0, 7);
}

function toEntry(item: StoredItem): LogEntry {
  const { tenantId, kind, schemaVersion, ...rest } = item;
  return Object.fromEntries(Object.entries(rest).filter(([name]) => !name.startsWith("_"))) as unknown as LogEntry;
}
