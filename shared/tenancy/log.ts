import { ErrorResponse, type JSONObject, type OperationInput } from "@azure/cosmos";
import { now } from "../clock.ts";
import { dataContainer, logContainer } from "./database.ts";
import { type Fact, factKind } from "./fact.ts";
import { reading } from "./failure.ts";
import { tenantPredicate, within } from "./guard.ts";
import type { Entity } from "./kind.ts";
import { type LogEntry, entryHash, entryId, genesis } from "./logEntry.ts";
import { type StoredItem, TenantRepository } from "./repository.ts";

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
interface LogHead {
  readonly seq: number;
  readonly hash: string;
  readonly month: string;
  /** First sequence number of each month that has entries. */
  readonly months: readonly { readonly month: string; readonly first: number }[];
  readonly pending: { readonly facts: readonly string[]; readonly seq: number; readonly hash: string } | null;
}

/** Facts that have their places in the log, with the entries they make. */
export interface Ordered {
  readonly facts: readonly Entity<Fact>[];
  readonly entries: readonly LogEntry[];
  readonly head: { readonly etag: string; readonly value: LogHead };
}

/** Facts that are ordered at once: their deletions and the head fit one batch. */
const maxFacts = 90;
const maxEntriesPerBatch = 100;
const headId = "log_head";

/** The ordered, hash-chained log of one tenant. */
export class TenantLog {
  readonly #tenantId: string;
  readonly #repository: TenantRepository;

  constructor(tenantId: string) {
    this.#tenantId = tenantId;
    this.#repository = new TenantRepository(tenantId);
  }

  /**
   * Gives the oldest facts their places, or finds those that have theirs and are not finished; undefined when there is
   * nothing to order. Whoever comes second of two at once finds the first one's order.
   */
  async order(): Promise<Ordered | undefined> {
    for (;;) {
      const head = await this.#head();
      if (head?.value.pending) {
        const ordered = await this.#ordered(head.value.pending.facts, head);
        if (ordered !== undefined) return ordered;
        // Somebody else finished these between the two reads. If not, their facts are lost, and a person has to know.
        if ((await this.#head())?.etag === head.etag) throw new Error("facts that have their places are missing");
        continue;
      }
      const { items } = await this.#repository.list(factKind, { limit: maxFacts });
      if (items.length === 0) return undefined;
      const placed = place(head?.value, items, now());
      const etag = await this.#writeHead(placed, head?.etag);
      if (etag !== undefined) return { facts: items, entries: entriesOf(items, placed), head: { etag, value: placed } };
    }
  }

  /** Writes the entries. Those that are there already must be the same. */
  async write(entries: readonly LogEntry[]): Promise<void> {
    for (let at = 0; at < entries.length; at += maxEntriesPerBatch)
      await this.#writeBatch(entries.slice(at, at + maxEntriesPerBatch));
  }

  /** Deletes the finished facts: the checkpoint. Does nothing where somebody else has done it. */
  async finish({ facts, head }: Ordered): Promise<void> {
    const operations: OperationInput[] = [
      {
        operationType: "Replace",
        id: headId,
        ifMatch: head.etag,
        resourceBody: this.#headItem({ ...head.value, pending: null }),
      },
      ...facts.map((fact): OperationInput => ({ operationType: "Delete", id: fact.id })),
    ];
    const answer = await within([this.#tenantId], () => dataContainer().items.batch(operations, [this.#tenantId]));
    const first = answer.result?.[0]?.statusCode;
    if (answer.code !== 200 && first !== 412 && first !== 404)
      throw new Error(`the finished facts could not be deleted (${answer.code ?? "no status"})`);
  }

  /** Entries behind a sequence number, in order, without gaps, from at most three months. May be fewer than there are. */
  async read(
    after: number,
    limit: number,
  ): Promise<{ readonly entries: readonly LogEntry[]; readonly last: number; readonly more: boolean }> {
    const head = await this.#head();
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
    const head = await this.#head();
    if (head === undefined) return { entries: [] };
    const { months, pending, seq } = head.value;
    // Entries that have their places and are not all written yet would be left out by who goes on behind them.
    const end = Math.min(before, (pending?.seq ?? seq) + 1);
    const fitting = months.filter(({ month, first }) => first < end && month >= (filter.from ?? "").slice(0, 7));
    const entries: LogEntry[] = [];
    for (const { month } of fitting.slice(-3).reverse()) {
      entries.push(...(await this.#searchMonth(month, filter, end, limit - entries.length)));
      if (entries.length >= limit) break;
    }
    const [oldest, next] = [fitting.at(-3), entries.at(-1)?.seq];
    if (entries.length >= limit) return { entries, ...(next !== undefined && { next }) };
    return { entries, ...(oldest !== undefined && oldest !== fitting[0] && { next: oldest.first }) };
  }

  /** One entry, or undefined. One point read. */
  async find(month: string, seq: number): Promise<LogEntry | undefined> {
    const partition = [this.#tenantId, month] as const;
    const { resource } = await reading(partition, (options) =>
      logContainer()
        .item(entryId(seq), [...partition])
        .read<StoredItem>(options),
    );
    return resource === undefined ? undefined : toEntry(resource);
  }

  async #head(): Promise<{ readonly etag: string; readonly value: LogHead } | undefined> {
    const { resource } = await reading([this.#tenantId], (options) =>
      dataContainer().item(headId, this.#tenantId).read<StoredItem & LogHead>(options),
    );
    if (resource === undefined) return undefined;
    const { seq, hash, month, months, pending } = resource;
    return { etag: resource._etag, value: { seq, hash, month, months, pending } };
  }

  /** The facts that have their places, as they were placed; undefined where one of them is gone. */
  async #ordered(ids: readonly string[], head: Ordered["head"]): Promise<Ordered | undefined> {
    const found = await this.#repository.findMany(factKind, ids);
    const facts = ids.flatMap((id) => found.get(id) ?? []);
    if (facts.length !== ids.length) return undefined;
    const entries = entriesOf(facts, head.value);
    if (entries.at(-1)?.hash !== head.value.hash)
      throw new Error("the facts do not make the entries they were placed as");
    return { facts, entries, head };
  }

  /** Creates or replaces the head; undefined where another has been quicker. */
  async #writeHead(value: LogHead, etag: string | undefined): Promise<string | undefined> {
    const item = this.#headItem(value);
    try {
      const { resource } = await within([this.#tenantId], () =>
        etag === undefined
          ? dataContainer().items.create<JSONObject>(item)
          : dataContainer()
              .item(headId, this.#tenantId)
              .replace<JSONObject>(item, { accessCondition: { type: "IfMatch", condition: etag } }),
      );
      return (resource as { _etag?: string } | undefined)?._etag;
    } catch (error) {
      if (error instanceof ErrorResponse && (error.code === 409 || error.code === 412)) return undefined;
      throw error;
    }
  }

  async #writeBatch(entries: readonly LogEntry[]): Promise<void> {
    const month = entries[0]?.month;
    if (month === undefined) return;
    const partition: readonly [string, string] = [this.#tenantId, month];
    const items = entries.map((entry) => this.#entryItem(entry));
    const answer = await within(partition, () =>
      logContainer().items.batch(
        items.map((resourceBody): OperationInput => ({ operationType: "Create", resourceBody })),
        [...partition],
      ),
    );
    if (answer.code === 200) return;
    if (!answer.result?.some(({ statusCode }) => statusCode === 409))
      throw new Error(`the log could not be written (${answer.code ?? "no status"})`);
    for (const entry of entries) {
      const there = await this.find(month, entry.seq);
      if (there === undefined) await within(partition, () => logContainer().items.create(this.#entryItem(entry)));
      else if (there.hash !== entry.hash) throw new Error(`the log has another entry ${entry.id}`);
    }
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
    const parameters = Object.entries({ "@tenantId": this.#tenantId, ...values }).flatMap(([name, value]) =>
      value === undefined ? [] : [{ name, value }],
    );
    const { resources } = await reading([this.#tenantId, month], (options) =>
      logContainer()
        .items.query<StoredItem>(
          { query: `${query} ORDER BY c.seq ${direction}`, parameters },
          { ...options, partitionKey: [this.#tenantId, month] },
        )
        .fetchAll(),
    );
    return resources.map(toEntry);
  }

  #headItem(value: LogHead): JSONObject {
    const at = now().toISOString();
    return {
      ...value,
      id: headId,
      tenantId: this.#tenantId,
      kind: "logHead",
      schemaVersion: 1,
      createdAt: at,
      updatedAt: at,
    };
  }

  #entryItem(entry: LogEntry): JSONObject {
    return { ...entry, tenantId: this.#tenantId, kind: "logEntry", schemaVersion: 1 } as unknown as JSONObject;
  }
}

function place(head: LogHead | undefined, facts: readonly Entity<Fact>[], at: Date): LogHead {
  const current = at.toISOString().slice(0, 7);
  const before: LogHead = head ?? { seq: 0, hash: genesis, month: current, months: [], pending: null };
  const month = before.month > current ? before.month : current;
  const months =
    before.months.at(-1)?.month === month ? before.months : [...before.months, { month, first: before.seq + 1 }];
  const pending = { facts: facts.map(({ id }) => id), seq: before.seq, hash: before.hash };
  const entries = entriesOf(facts, { ...before, month, pending });
  const last = entries.at(-1);
  return { seq: last?.seq ?? before.seq, hash: last?.hash ?? before.hash, month, months, pending };
}

function entriesOf(facts: readonly Entity<Fact>[], { month, pending }: LogHead): LogEntry[] {
  if (pending === null) return [];
  let { seq, hash: prevHash } = pending;
  return facts.flatMap((fact) =>
    (fact.events.length > 0 ? fact.events : [undefined]).map((event): LogEntry => {
      seq++;
      const unhashed = {
        id: entryId(seq),
        seq,
        month,
        occurredAt: fact.createdAt,
        ...(event !== undefined && { type: event.type }),
        data: event?.data ?? {},
        action: fact.action,
        actor: { type: fact.actor.type, id: fact.actor.id },
        requestId: fact.requestId,
        ...(fact.source !== undefined && { source: fact.source }),
        target: fact.target,
        ...(fact.denied !== undefined && { denied: fact.denied }),
        prevHash,
      };
      const entry = { ...unhashed, hash: entryHash(unhashed) };
      prevHash = entry.hash;
      return entry;
    }),
  );
}

function toEntry(item: StoredItem): LogEntry {
  const { tenantId, kind, schemaVersion, ...rest } = item;
  return Object.fromEntries(Object.entries(rest).filter(([name]) => !name.startsWith("_"))) as unknown as LogEntry;
}
