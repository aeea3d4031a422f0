import { ErrorResponse, type JSONObject, type OperationInput } from "@azure/cosmos";
import { now } from "../clock.ts";
import { dataContainer, logContainer } from "./database.ts";
import { type Fact, factKind } from "./fact.ts";
import { within } from "./guard.ts";
import type { Entity } from "./kind.ts";
import { type LogEntry, entryHash, entryId, genesis } from "./logEntry.ts";
import { type LogHead, LogReader, headId } from "./logReader.ts";
import { TenantRepository } from "./repository.ts";

/** Facts that have their places in the log, with the entries they make. */
export interface Ordered {
  readonly facts: readonly Entity<Fact>[];
  readonly entries: readonly LogEntry[];
  readonly head: { readonly etag: string; readonly value: LogHead };
}

type Pending = NonNullable<LogHead["pending"]>;

/** What the log keeps its place by in `data`, by its `kind`: it is none of the kinds. */
export const logHead = "logHead";

/** Facts that are ordered at once: their deletions and the head fit one batch. */
const maxFacts = 90;
const maxEntriesPerBatch = 100;

/** The ordered, hash-chained log of one tenant. */
export class TenantLog extends LogReader {
  readonly #repository: TenantRepository;

  constructor(tenantId: string) {
    super(tenantId);
    this.#repository = new TenantRepository(tenantId);
  }

  /**
   * Gives the oldest facts their places, or finds those that have theirs and are not finished; undefined when there is
   * nothing to order. Whoever comes second of two at once finds the first one's order.
   */
  async order(): Promise<Ordered | undefined> {
    for (;;) {
      const head = await this.head();
      if (head?.value.pending) {
        const ordered = await this.#ordered(head.value.pending, head);
        if (ordered !== undefined) return ordered;
        // Somebody else finished these between the two reads. If not, their facts are lost, and a person has to know.
        if ((await this.head())?.etag === head.etag) throw new Error("facts that have their places are missing");
        continue;
      }
      const { items } = await this.#repository.list(factKind, { limit: maxFacts });
      if (items.length === 0) return undefined;
      const { value, entries } = place(head?.value, items, now());
      const etag = await this.#writeHead(value, head?.etag);
      if (etag !== undefined) return { facts: items, entries, head: { etag, value } };
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
    const answer = await within([this.tenantId], () => dataContainer().items.batch(operations, [this.tenantId]));
    const first = answer.result?.[0]?.statusCode;
    if (answer.code !== 200 && first !== 412 && first !== 404)
      throw new Error(`the finished facts could not be deleted (${answer.code ?? "no status"})`);
  }

  /** The facts that have their places, as they were placed; undefined where one of them is gone. */
  async #ordered(pending: Pending, head: Ordered["head"]): Promise<Ordered | undefined> {
    const found = await this.#repository.findMany(factKind, pending.facts);
    const facts = pending.facts.flatMap((id) => found.get(id) ?? []);
    if (facts.length !== pending.facts.length) return undefined;
    const entries = entriesOf(facts, head.value.month, pending);
    if (entries.at(-1)?.hash !== head.value.hash)
      throw new Error("the facts do not make the entries they were placed as");
    return { facts, entries, head };
  }

  /** Creates or replaces the head; undefined where another has been quicker. */
  async #writeHead(value: LogHead, etag: string | undefined): Promise<string | undefined> {
    const item = this.#headItem(value);
    try {
      const { resource } = await within([this.tenantId], () =>
        etag === undefined
          ? dataContainer().items.create<JSONObject>(item)
          : dataContainer()
              .item(headId, this.tenantId)
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
    const partition: readonly [string, string] = [this.tenantId, month];
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

  #headItem(value: LogHead): JSONObject {
    const at = now().toISOString();
    return {
      ...value,
      id: headId,
      tenantId: this.tenantId,
      kind: logHead,
      schemaVersion: 1,
      createdAt: at,
      updatedAt: at,
    };
  }

  #entryItem(entry: LogEntry): JSONObject {
    return { ...entry, tenantId: this.tenantId, kind: "logEntry", schemaVersion: 1 } as unknown as JSONObject;
  }
}

/** The facts' entries, and the end of the log that has room for them. */
function place(
  head: LogHead | undefined,
  facts: readonly Entity<Fact>[],
  at: Date,
): { readonly value: LogHead; readonly entries: readonly LogEntry[] } {
  const current = at.toISOString().slice(0, 7);
  const before: LogHead = head ?? { seq: 0, hash: genesis, month: current, months: [], pending: null };
  const month = before.month > current ? before.month : current;
  const months =
    before.months.at(-1)?.month === month ? before.months : [...before.months, { month, first: before.seq + 1 }];
  const pending = { facts: facts.map(({ id }) => id), seq: before.seq, hash: before.hash };
  const entries = entriesOf(facts, month, pending);
  const hash = entries.at(-1)?.hash ?? before.hash;
  return { entries, value: { seq: before.seq + entries.length, hash, month, months, pending } };
}

function entriesOf(facts: readonly Entity<Fact>[], month: string, pending: Pending): LogEntry[] {
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
