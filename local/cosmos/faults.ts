import { setTimeout as delay } from "node:timers/promises";
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { badRequest } from "./errors.ts";
import type { Operation } from "./requestLog.ts";

/** A failure on demand: which requests, how often, and what the caller sees. */
export const Fault = Type.Object(
  {
    /**
     * The HTTP status to answer with; `reset` cuts the connection without an answer; `stale` answers a point read as of
     * before the document's latest write, if the read asked for less than strong consistency.
     */
    status: Type.Union([Type.Integer({ minimum: 400, maximum: 599 }), Type.Literal("reset"), Type.Literal("stale")]),
    substatus: Type.Optional(Type.Integer()),
    /** Only that operation of a batch gets the status, the others 424, and the batch 207. */
    batchIndex: Type.Optional(Type.Integer({ minimum: 0 })),
    /** How many matching requests fail. */
    times: Type.Optional(Type.Integer({ minimum: 1, default: 1 })),
    /** Carry the request out first and lose only its answer. */
    after: Type.Optional(Type.Boolean({ default: false })),
    /** Only this operation, e.g. `document.batch`. Without it, every operation on documents. */
    operation: Type.Optional(Type.String()),
    /** Only this container, as `<database>/<container>`. */
    container: Type.Optional(Type.String()),
    /** Only this partition key header, as JSON text. */
    partitionKey: Type.Optional(Type.String()),
    /** Only the document with this id in the URL. */
    id: Type.Optional(Type.String()),
    /** Milliseconds, sent as `x-ms-retry-after-ms`. */
    retryAfterMs: Type.Optional(Type.Integer({ minimum: 0 })),
    /** Milliseconds to wait before failing, after what is carried out first; `clear` ends the wait. */
    delayMs: Type.Optional(Type.Integer({ minimum: 0 })),
  },
  { additionalProperties: false },
);
export type Fault = Static<typeof Fault>;

interface Target {
  readonly operation: Operation;
  readonly container?: string;
  readonly partitionKey?: string;
  readonly id?: string;
  readonly consistency?: string;
}

function matches(fault: Fault, target: Target): boolean {
  const { operation, consistency = "Strong" } = target;
  return (
    (fault.status !== "stale" || (operation === "document.read" && consistency !== "Strong")) &&
    (fault.operation === undefined ? target.operation.startsWith("document.") : fault.operation === target.operation) &&
    (fault.container === undefined || fault.container === target.container) &&
    (fault.partitionKey === undefined || fault.partitionKey === target.partitionKey) &&
    (fault.id === undefined || fault.id === target.id)
  );
}

/** The faults that are waiting for their request. */
export class Faults {
  #pending: { fault: Fault; left: number }[] = [];
  #waiting = new AbortController();

  add(fault: Fault): void {
    if (!Value.Check(Fault, fault)) throw badRequest("This is not a fault: see local/cosmos/faults.ts.");
    this.#pending.push({ fault, left: fault.times ?? 1 });
  }

  clear(): void {
    this.#pending = [];
    this.#waiting.abort();
    this.#waiting = new AbortController();
  }

  /** Faults that have not happened as often as asked for. */
  pending(): readonly Fault[] {
    return this.#pending.map(({ fault, left }) => ({ ...fault, times: left }));
  }

  /** The first fault for this request, counted down. */
  take(target: Target): Fault | undefined {
    const index = this.#pending.findIndex(({ fault }) => matches(fault, target));
    const found = this.#pending[index];
    if (found === undefined) return undefined;
    found.left -= 1;
    if (found.left === 0) this.#pending.splice(index, 1);
    return found.fault;
  }

  /** Resolves when the fault has waited as long as it is to, or all are cleared. */
  async wait({ delayMs }: Fault): Promise<void> {
    const { signal } = this.#waiting;
    if (delayMs !== undefined) await delay(delayMs, undefined, { signal }).catch(() => undefined);
  }
}
