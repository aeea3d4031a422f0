import type { DeleteOperationInput, JSONObject, OperationInput, PatchOperation } from "@azure/cosmos";
import { now } from "../clock.ts";
import { Problem, type ProblemCode } from "../web/problem.ts";
import { BatchRefused, sendBatch } from "./batch.ts";
import { type Condition, conditionText } from "./condition.ts";
import { counterId, counterKind } from "./counter.ts";
import { type Command, type Event, type Fact, factKind } from "./fact.ts";
import { newId } from "./ids.ts";
import { type Entity, type Kind, type Stored, type StoredShape } from "./kind.ts";
import { reservationId, reservationKind } from "./reservation.ts";
import {
  type ChangeContext,
  type Idempotency,
  IdempotencyConflict,
  type Remembered,
  idempotencyKind,
} from "./scope.ts";

export type { Condition };

/** The problems that a failed operation of the batch stands for; by default `conflict`, `stale` and `not_found`. */
export interface Otherwise {
  /** The id or the reserved value exists. */
  readonly exists?: ProblemCode;
  /** The item changed since it was read, or the condition does not hold. */
  readonly stale?: ProblemCode;
  readonly missing?: ProblemCode;
}

interface PatchOptions {
  readonly condition?: Condition;
  readonly ifMatch?: string;
  readonly otherwise?: Otherwise;
}

/** A 2 MB batch of 100 operations is the database's limit; what could pass it must go in several changes. */
const maxOperations = 100;

type Section = "reservations" | "entities" | "counters";

type Shape = Pick<StoredShape<object>, "name" | "schemaVersion" | "ttlSeconds">;

/** An operation, made when the time of the whole change is known. */
type Operation = (at: string) => OperationInput;

interface Step {
  readonly operation: Operation;
  /** What is thrown when the operation fails with a status. */
  readonly failure: (status: number) => Error | undefined;
}

/** The tenant has no such counter: it was made before there was one. */
export class CounterMissing extends Error {
  override readonly name = "CounterMissing";
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
  readonly #steps: Record<Section, Step[]> = { reservations: [], entities: [], counters: [] };
  readonly #factId = newId("fct");
  #at: string;
  #remembered: Remembered = {};

  constructor(context: ChangeContext) {
    this.#context = context;
    this.#at = now().toISOString();
  }

  /** The time of this change; later than the `updatedAt` of every entity given to it so far. */
  get at(): string {
    return this.#at;
  }

  /** Reserves a value for one owner in the tenant, for good. */
  reserve(scope: string, value: string, owner: string, exists: ProblemCode): this {
    const id = reservationId(scope, value);
    return this.#add("reservations", this.#creation(reservationKind, id, { owner }), { exists });
  }

  create<T extends object>(kind: Kind<T>, id: string, fields: T, otherwise: Otherwise = {}): this {
    return this.#add("entities", this.#creation(kind, id, fields), otherwise);
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
    const { id, createdAt } = entity;
    const operation: Operation = (at) => ({
      operationType: "Replace",
      id,
      ifMatch,
      resourceBody: { ...this.#item(kind, id, fields, at), createdAt },
    });
    return this.#add("entities", operation, otherwise);
  }

  /** Sets single fields of an entity; with a condition, only if that holds of the stored item. At most 8 fields. */
  patch<T extends object>(_kind: Kind<T>, entity: Entity<T>, set: Partial<T>, options: PatchOptions = {}): this {
    this.#after(entity);
    const operations = Object.entries(set).map(([field, value]): PatchOperation =>
      value === undefined
        ? { op: "remove", path: `/${field}` }
        : { op: "set", path: `/${field}`, value: value as JSONObject },
    );
    return this.#patch(entity.id, (at) => [...operations, updatedAt(at)], options);
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
    const entry: PatchOperation = { op: "set", path: `/${map}/${key}`, value: value as JSONObject };
    return this.#patch(entity.id, (at) => [entry, updatedAt(at)], options);
  }

  remove(entity: Stored, otherwise: Otherwise = {}): this {
    this.#after(entity);
    const { id, etag } = entity;
    return this.#add("entities", () => withIfMatch({ operationType: "Delete", id }, etag), otherwise);
  }

  /** Starts a counter of the tenant; throws `conflict` where it counts already. */
  startCounter(counter: string, value: number): this {
    return this.#add("counters", this.#creation(counterKind, counterId(counter), { value }), {});
  }

  /**
   * Adds to a counter; where the sum would pass `atMost`, nothing of the change happens and `beyond` is thrown. Throws
   * {@link CounterMissing} where there is none.
   */
  count(counter: string, by: number, limit?: { readonly atMost: number; readonly beyond: ProblemCode }): this {
    if (!Number.isFinite(by)) throw new TypeError("a counter moves by a finite number");
    const { operation, failure } = this.#patchStep(
      counterId(counter),
      () => [{ op: "incr", path: "/value", value: by }],
      limit === undefined
        ? {}
        : { condition: { value: { atMost: limit.atMost - by } }, otherwise: { stale: limit.beyond } },
    );
    this.#steps.counters.push({
      operation,
      failure: (status) => (status === 404 ? new CounterMissing(`no counter ${counter}`) : failure(status)),
    });
    return this;
  }

  /** What a repeat with the same Idempotency-Key needs to give the same answer again, e.g. the id that was made. */
  remember(result: Remembered): this {
    this.#remembered = result;
    return this;
  }

  /**
   * Commits with its fact: what happened (`events`, in order, for the tenant's log and webhooks) and what is to be done
   * because of it (`commands`, for queues), or that the caller was refused (`denied`). Throws the problem of the first
   * operation that failed. A lost answer is resolved by the fact: it exists exactly if the batch happened.
   */
  async commit(fact: {
    readonly target: string;
    readonly denied?: ProblemCode;
    readonly events?: readonly Event[];
    readonly commands?: readonly Command[];
  }): Promise<Committed> {
    const { idempotency } = this.#context;
    const steps = [
      ...(idempotency === undefined ? [] : [this.#first(idempotency)]),
      ...this.#ordered(),
      this.#step(this.#creation(factKind, this.#factId, this.#fact(fact)), {}),
    ];
    const committed = await this.#write(steps, this.#factId);
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
    const { reservations, entities, counters } = this.#steps;
    return [...reservations, ...entities, ...counters];
  }

  async #write(steps: readonly Step[], proofId?: string): Promise<Committed> {
    if (steps.length > maxOperations) throw new RangeError(`a change of ${steps.length} operations`);
    const { tenantId } = this.#context;
    const at = this.#at;
    const operations = steps.map(({ operation }) => operation(at));
    const proof = proofId === undefined ? undefined : { id: proofId, at };
    try {
      const etags = await sendBatch(tenantId, operations, proof);
      return { at, etag: (id) => etags.get(id) ?? notWritten(id) };
    } catch (error) {
      if (!(error instanceof BatchRefused)) throw error;
      throw steps[error.index]?.failure(error.status) ?? error;
    }
  }

  /** The record of what an Idempotency-Key does: first of all, so that a repeat fails here and nowhere else. */
  #first({ id, body }: Idempotency): Step {
    const fields = { body, result: this.#remembered };
    return {
      operation: (at) => ({
        operationType: "Create",
        resourceBody: this.#item(idempotencyKind, id, fields, at),
      }),
      failure: (status) => (status === 409 ? new IdempotencyConflict() : undefined),
    };
  }

  #step(operation: Operation, otherwise: Otherwise): Step {
    return {
      operation,
      failure: (status) => {
        if (status === 409) return new Problem(otherwise.exists ?? "conflict");
        if (status === 412) return new Problem(otherwise.stale ?? "stale");
        return status === 404 ? new Problem(otherwise.missing ?? "not_found") : undefined;
      },
    };
  }

  #add(section: Section, operation: Operation, otherwise: Otherwise): this {
    this.#steps[section].push(this.#step(operation, otherwise));
    return this;
  }

  #patch(id: string, operations: (at: string) => PatchOperation[], options: PatchOptions): this {
    this.#steps.entities.push(this.#patchStep(id, operations, options));
    return this;
  }

  #patchStep(id: string, operations: (at: string) => PatchOperation[], options: PatchOptions): Step {
    const { condition, ifMatch, otherwise } = options;
    const only = condition === undefined ? {} : { condition: conditionText(condition) };
    const operation: Operation = (at) => ({
      operationType: "Patch",
      id,
      resourceBody: { operations: operations(at), ...only },
      ...(ifMatch !== undefined && { ifMatch }),
    });
    return this.#step(operation, otherwise ?? {});
  }

  #creation(kind: Shape, id: string, fields: object): Operation {
    return (at) => ({ operationType: "Create", resourceBody: this.#item(kind, id, fields, at) });
  }

  #item({ name, schemaVersion, ttlSeconds }: Shape, id: string, fields: object, at: string): JSONObject {
    const { tenantId } = this.#context;
    const ttl = ttlSeconds === undefined ? {} : { ttl: ttlSeconds };
    return { ...fields, ...ttl, id, tenantId, kind: name, schemaVersion, createdAt: at, updatedAt: at };
  }

  #fact(fact: {
    readonly target: string;
    readonly denied?: ProblemCode;
    readonly events?: readonly Event[];
    readonly commands?: readonly Command[];
  }): Fact {
    const { actor, requestId, action, source } = this.#context;
    return {
      action,
      actor,
      requestId,
      ...(source !== undefined && { source }),
      target: fact.target,
      ...(fact.denied !== undefined && { denied: fact.denied }),
      events: fact.events ?? [],
      commands: fact.commands ?? [],
    };
  }

  /** Order is promised per entity: a change is never earlier than what it changes, whatever this machine's clock says. */
  #after(entity: Stored): void {
    const earliest = new Date(Date.parse(entity.updatedAt) + 1).toISOString();
    if (this.#at < earliest) this.#at = earliest;
  }
}

/** Deletes take If-Match on the wire; the SDK's type of the operation lacks it. */
function withIfMatch(operation: DeleteOperationInput, ifMatch: string): DeleteOperationInput {
  return Object.assign(operation, { ifMatch });
}

function updatedAt(at: string): PatchOperation {
  return { op: "set", path: "/updatedAt", value: at };
}

function notWritten(id: string): never {
  throw new RangeError(`the change wrote no ${id}`);
}
