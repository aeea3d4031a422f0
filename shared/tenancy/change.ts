import { setTimeout as delay } from "node:timers/promises";
import {
  type DeleteOperationInput,
  ErrorResponse,
  type ItemDefinition,
  type JSONObject,
  type OperationInput,
  type OperationResponse,
  type PatchOperation,
} from "@azure/cosmos";
import { now } from "../clock.ts";
import { Problem, type ProblemCode } from "../web/problem.ts";
import { dataContainer } from "./database.ts";
import { type Command, type Event, type Fact, factKind } from "./fact.ts";
import { within } from "./guard.ts";
import { newId } from "./ids.ts";
import type { Entity, Kind, Stored } from "./kind.ts";
import { reservationId, reservationKind } from "./reservation.ts";
import { type ChangeContext, IdempotencyConflict, type Remembered } from "./scope.ts";

/**
 * What must hold of the stored item for a patch to apply: a field, or a member of one (`consent.accepted`), equals a
 * value, is one of several, is at most a number, or is absent. Only closed words and finite numbers: the database takes
 * conditions as unparameterised text.
 */
export type Condition = Readonly<
  Record<
    string,
    string | number | boolean | readonly string[] | { readonly atMost: number } | { readonly absent: true }
  >
>;

/** The problems that a failed operation of the batch stands for; by default `conflict`, `stale` and `not_found`. */
export interface Otherwise {
  /** The id or the reserved value exists. */
  readonly exists?: ProblemCode;
  /** The item changed since it was read, or the condition does not hold. */
  readonly stale?: ProblemCode;
  readonly missing?: ProblemCode;
}

/** A 2 MB batch of 100 operations is the database's limit; what could pass it must go in several changes. */
const maxOperations = 100;

type Section = "first" | "reservations" | "entities" | "counters";

interface Step {
  readonly input: OperationInput;
  readonly otherwise: Otherwise;
}

/** The versions of the items that a committed change wrote. */
export interface Committed {
  /** When the change happened; later than what any changed item had as `updatedAt`. */
  readonly at: string;
  etag(id: string): string;
}

/**
 * One state change of one tenant: everything or nothing, in one transactional batch, in this order: idempotency record,
 * uniqueness reservations, entities, counters, one fact. Nothing is sent before {@link commit}.
 */
export class Change {
  readonly #context: ChangeContext;
  readonly #steps: Record<Section, Step[]> = { first: [], reservations: [], entities: [], counters: [] };
  readonly #factId = newId("fct");
  #at: string;
  #remembered: Remembered = {};

  constructor(context: ChangeContext) {
    this.#context = context;
    this.#at = now().toISOString();
  }

  /** The time of this change, as it will be stored; later than the `updatedAt` of every entity given to it so far. */
  get at(): string {
    return this.#at;
  }

  /** Reserves a value for one owner in the tenant, until it is released. */
  reserve(scope: string, value: string, owner: string, exists: ProblemCode): this {
    const id = reservationId(scope, value);
    return this.#add(
      "reservations",
      {
        operationType: "Create",
        resourceBody: this.#item(reservationKind.name, reservationKind.schemaVersion, id, { owner }),
      },
      { exists },
    );
  }

  release(scope: string, value: string): this {
    return this.#add("reservations", { operationType: "Delete", id: reservationId(scope, value) }, {});
  }

  create<T extends object>(kind: Kind<T>, id: string, fields: T, otherwise: Otherwise = {}): this {
    return this.#add(
      "entities",
      { operationType: "Create", resourceBody: this.#item(kind.name, kind.schemaVersion, id, fields) },
      otherwise,
    );
  }

  /** Replaces the entity's fields if it is still the version that was read, or the one that `ifMatch` names. */
  replace<T extends object>(
    kind: Kind<T>,
    entity: Stored,
    fields: T,
    ifMatch = entity.etag,
    otherwise: Otherwise = {},
  ): this {
    this.#after(entity);
    const item = { ...this.#item(kind.name, kind.schemaVersion, entity.id, fields), createdAt: entity.createdAt };
    return this.#add("entities", { operationType: "Replace", id: entity.id, ifMatch, resourceBody: item }, otherwise);
  }

  /** Sets single fields of an entity; with a condition, only if that holds of the stored item. At most 8 fields. */
  patch<T extends object>(
    _kind: Kind<T>,
    entity: Entity<T>,
    set: Partial<T>,
    options: { readonly condition?: Condition; readonly ifMatch?: string; readonly otherwise?: Otherwise } = {},
  ): this {
    this.#after(entity);
    const operations = Object.entries(set).map(([field, value]): PatchOperation =>
      value === undefined
        ? { op: "remove", path: `/${field}` }
        : { op: "set", path: `/${field}`, value: value as JSONObject },
    );
    return this.#patch(
      "entities",
      entity.id,
      [...operations, { op: "set", path: "/updatedAt", value: this.#at }],
      options,
    );
  }

  /** Sets one entry of a map inside an entity, e.g. a guest's answer, without touching its neighbours. */
  patchEntry<T extends object>(
    entity: Entity<T>,
    map: keyof T & string,
    key: string,
    value: unknown,
    options: { readonly condition?: Condition; readonly otherwise?: Otherwise } = {},
  ): this {
    this.#after(entity);
    if (!/^[\w-]+$/u.test(key)) throw new TypeError("not an entry name");
    return this.#patch(
      "entities",
      entity.id,
      [
        { op: "set", path: `/${map}/${key}`, value: value as JSONObject },
        { op: "set", path: "/updatedAt", value: this.#at },
      ],
      options,
    );
  }

  remove(entity: Stored, otherwise: Otherwise = {}): this {
    this.#after(entity);
    return this.#add("entities", withIfMatch({ operationType: "Delete", id: entity.id }, entity.etag), otherwise);
  }

  /** Starts a counter of the tenant; only when the tenant is made. */
  startCounter(counter: string, value: number): this {
    return this.#add(
      "counters",
      { operationType: "Create", resourceBody: this.#item("counter", 1, counterId(counter), { value }) },
      {},
    );
  }

  /** Adds to a counter; where the sum would pass `atMost`, nothing of the change happens and `beyond` is thrown. */
  count(counter: string, by: number, limit?: { readonly atMost: number; readonly beyond: ProblemCode }): this {
    if (!Number.isFinite(by)) throw new TypeError("a counter moves by a finite number");
    return this.#patch("counters", counterId(counter), [{ op: "incr", path: "/value", value: by }], {
      ...(limit !== undefined && {
        condition: { value: { atMost: limit.atMost - by } },
        otherwise: { stale: limit.beyond },
      }),
    });
  }

  /** What a repeat with the same Idempotency-Key needs to give the same answer again, e.g. the id that was made. */
  remember(result: Remembered): this {
    this.#remembered = result;
    return this;
  }

  /**
   * Commits with its fact: what happened (`events`, in order, for the tenant's log and webhooks) and what is to be done
   * because of it (`commands`, for queues). Throws the problem of the first operation that failed. A lost answer is
   * resolved by the fact: it exists exactly if the batch happened.
   */
  async commit(fact: {
    readonly target: string;
    readonly events?: readonly Event[];
    readonly commands?: readonly Command[];
  }): Promise<Committed> {
    const { idempotency } = this.#context;
    if (idempotency !== undefined)
      this.#steps.first.push({
        input: {
          operationType: "Create",
          resourceBody: {
            ...this.#item("idempotency", 1, idempotency.id, { body: idempotency.body, result: this.#remembered }),
            ttl: 86_400,
          },
        },
        otherwise: {},
      });
    const steps = [
      ...this.#ordered(),
      { input: { operationType: "Create" as const, resourceBody: this.#fact(fact) }, otherwise: {} },
    ];
    const committed = await this.#write(steps);
    delete this.#context.idempotency;
    return committed;
  }

  /**
   * Commits without a fact: bookkeeping of ours that is no change of the tenant's state and would only fill its log, such
   * as the attempts of a delivery. A lost answer stays open: it shows as `unavailable` or as the conflict with what was
   * written, so the caller must be able to read again and repeat.
   */
  async record(): Promise<Committed> {
    return await this.#write(this.#ordered());
  }

  #ordered(): Step[] {
    const { first, reservations, entities, counters } = this.#steps;
    return [...first, ...reservations, ...entities, ...counters];
  }

  async #write(steps: readonly Step[]): Promise<Committed> {
    if (steps.length > maxOperations) throw new RangeError(`a change of ${steps.length} operations`);
    const etags = await this.#send(steps);
    return {
      at: this.#at,
      etag: (id) => {
        const etag = etags.get(id);
        if (etag === undefined) throw new RangeError(`the change wrote no ${id}`);
        return etag;
      },
    };
  }

  async #send(steps: readonly Step[]): Promise<ReadonlyMap<string, string>> {
    const { tenantId } = this.#context;
    let doubtful = false;
    for (let attempt = 1; ; attempt++) {
      let results: readonly OperationResponse[];
      try {
        const answer = await within([tenantId], () =>
          dataContainer().items.batch(
            steps.map(({ input }) => input),
            [tenantId],
          ),
        );
        results = answer.result ?? [];
        if (answer.code === 200) return etagsOf(steps, results);
      } catch (error) {
        if (!isPassing(error)) throw error;
        doubtful = true;
        if (attempt === 4) {
          if (await this.#happened()) return await this.#currentEtags(steps);
          throw new Problem("unavailable", { cause: error, retryAfter: 2 });
        }
        await delay(50 * 2 ** attempt * (0.5 + Math.random()));
        continue;
      }
      if (doubtful && (await this.#happened())) return await this.#currentEtags(steps);
      const passing = results.some(({ statusCode }) => statusCode === 449 || statusCode === 429);
      if (!passing || attempt === 4) throw this.#problemOf(steps, results);
      await delay(20 * 2 ** attempt * (0.5 + Math.random()));
    }
  }

  async #happened(): Promise<boolean> {
    const { tenantId } = this.#context;
    const { resource } = await within([tenantId], () =>
      dataContainer().item(this.#factId, tenantId).read<ItemDefinition>(),
    );
    return resource !== undefined;
  }

  async #currentEtags(steps: readonly Step[]): Promise<ReadonlyMap<string, string>> {
    const { tenantId } = this.#context;
    const etags = new Map<string, string>();
    for (const { input } of steps) {
      const id = writtenId(input);
      if (id === undefined) continue;
      const { resource } = await within([tenantId], () => dataContainer().item(id, tenantId).read<{ _etag: string }>());
      if (resource !== undefined) etags.set(id, resource._etag);
    }
    return etags;
  }

  #problemOf(steps: readonly Step[], results: readonly OperationResponse[]): Error {
    const failed = results.findIndex(({ statusCode }) => statusCode >= 400 && statusCode !== 424);
    const step = steps[failed];
    if (step === undefined) return new Error("a batch failed without a failed operation");
    if (step === this.#steps.first[0]) return new IdempotencyConflict();
    switch (results[failed]?.statusCode) {
      case 409:
        return new Problem(step.otherwise.exists ?? "conflict");
      case 412:
        return new Problem(step.otherwise.stale ?? "stale");
      case 404:
        return new Problem(step.otherwise.missing ?? "not_found");
      case 429:
      case 449:
        return new Problem("unavailable", { retryAfter: 1 });
      default:
        return new Error(`a batch operation failed with ${results[failed]?.statusCode ?? "no status"}`);
    }
  }

  #add(section: Section, input: OperationInput, otherwise: Otherwise): this {
    this.#steps[section].push({ input, otherwise });
    return this;
  }

  #patch(
    section: Section,
    id: string,
    operations: PatchOperation[],
    options: { readonly condition?: Condition; readonly ifMatch?: string; readonly otherwise?: Otherwise },
  ): this {
    const { condition, ifMatch, otherwise } = options;
    const resourceBody = { operations, ...(condition !== undefined && { condition: conditionText(condition) }) };
    return this.#add(
      section,
      { operationType: "Patch", id, resourceBody, ...(ifMatch !== undefined && { ifMatch }) },
      otherwise ?? {},
    );
  }

  #item(kind: string, schemaVersion: number, id: string, fields: object): JSONObject {
    const at = this.#at;
    return { ...fields, id, tenantId: this.#context.tenantId, kind, schemaVersion, createdAt: at, updatedAt: at };
  }

  #fact(fact: {
    readonly target: string;
    readonly events?: readonly Event[];
    readonly commands?: readonly Command[];
  }): JSONObject {
    const { actor, requestId, action, source } = this.#context;
    const fields: Fact = {
      action,
      actor,
      requestId,
      ...(source !== undefined && { source }),
      target: fact.target,
      events: fact.events ?? [],
      commands: fact.commands ?? [],
    };
    return this.#item(factKind.name, factKind.schemaVersion, this.#factId, fields);
  }

  /** Order is promised per entity: a change is never earlier than what it changes, whatever this machine's clock says. */
  #after(entity: Stored): void {
    const earliest = new Date(Date.parse(entity.updatedAt) + 1).toISOString();
    if (this.#at >= earliest) return;
    if (Object.values(this.#steps).some((steps) => steps.length > 0))
      throw new TypeError("entities are changed before anything is created");
    this.#at = earliest;
  }
}

/** Id of a tenant's counter. */
export function counterId(counter: string): string {
  return `cnt_${counter}`;
}

/** Deletes take If-Match on the wire; the SDK's type of the operation lacks it. */
function withIfMatch(operation: DeleteOperationInput, ifMatch: string): DeleteOperationInput {
  return Object.assign(operation, { ifMatch });
}

function conditionText(condition: Condition): string {
  const terms = Object.entries(condition).map(([field, wanted]) => {
    if (!/^[a-zA-Z][a-zA-Z.]*$/u.test(field)) throw new TypeError("not a field name");
    // In brackets a field may have the name of a keyword, such as a counter's `value`.
    const path = `c${field
      .split(".")
      .map((name) => `["${name}"]`)
      .join("")}`;
    if (typeof wanted === "object" && "absent" in wanted) return `NOT IS_DEFINED(${path})`;
    if (typeof wanted === "object" && "atMost" in wanted) return `${path} <= ${literal(wanted.atMost)}`;
    if (typeof wanted === "object") return `${path} IN (${wanted.map(literal).join(", ")})`;
    return `${path} = ${literal(wanted)}`;
  });
  return `FROM c WHERE ${terms.join(" AND ")}`;
}

function literal(value: string | number | boolean): string {
  const fits = typeof value === "string" ? /^\w+$/u.test(value) : typeof value === "boolean" || Number.isFinite(value);
  if (!fits) throw new TypeError("a condition compares closed words and finite numbers only");
  return JSON.stringify(value);
}

function writtenId(input: OperationInput): string | undefined {
  if (input.operationType === "Delete" || input.operationType === "Read") return undefined;
  return "id" in input ? input.id : (input.resourceBody as { id: string }).id;
}

function etagsOf(steps: readonly Step[], results: readonly OperationResponse[]): ReadonlyMap<string, string> {
  const entries = steps.flatMap(({ input }, at) => {
    const id = writtenId(input);
    const etag = results[at]?.eTag;
    return id === undefined || etag === undefined ? [] : [[id, etag] as const];
  });
  return new Map(entries);
}

/** Whether a failed request may have been applied or may be applied by a repeat: transport errors and passing statuses. */
function isPassing(error: unknown): boolean {
  if (error instanceof ErrorResponse) {
    const status = typeof error.code === "number" ? error.code : Number.NaN;
    return Number.isNaN(status) || [408, 410, 429, 449, 500, 503].includes(status);
  }
  return (
    error instanceof Error && (error.name === "TimeoutError" || error.name === "RestError" || transportCode(error))
  );
}

function transportCode(error: Error): boolean {
  const code = (error as { code?: unknown }).code ?? (error.cause as { code?: unknown } | undefined)?.code;
  return typeof code === "string" && /^(?:E[A-Z]+|UND_ERR_\w+|TimeoutError|REQUEST_SEND_ERROR)$/u.test(code);
}
