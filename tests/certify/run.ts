import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { decodeJwt } from "jose";
import type { Answer } from "../../local/client.ts";
import type { RequestRecord } from "../../local/cosmos/requestLog.ts";
import { platformTenantId } from "../../shared/tenancy/ids.ts";
import type { Contract } from "../../shared/triggers/contract.ts";
import type { Side } from "../contracts/side.ts";
import { type Operation, type Request, bytes, recorded, send } from "../support/contracts.ts";
import type { StackDescription } from "../support/stack.ts";
import type { CanaryTenant } from "./canaries.ts";
import type { Attempt, Section } from "./ledger.ts";
import type { Random } from "./random.ts";

/** An attempt and its answer. */
export interface Seen {
  readonly attempt: Attempt;
  readonly answer: Answer<{ readonly code?: string } | undefined>;
  /** Status and text, without the request's own id. */
  readonly bytes: string;
  /** Method and path. */
  readonly line: string;
  readonly requestId: string;
  /** Whose data the answer may show. */
  readonly of: Side | undefined;
  /** Tenants that the credential, or a one-time token in the body, names; the only ones that may be looked into. */
  readonly partitions: readonly string[];
}

/** Requests after which the database's record is read on; each makes some at the database. */
const readAfter = 200;

/** What all parts of a run share: a stack, two tenants on it, and everything that was answered. */
export class Run {
  readonly stack: StackDescription;
  /** The attacker's tenant. */
  readonly own: Side;
  /** The tenant that is attacked. */
  readonly foreign: Side;
  readonly random: Random;
  readonly seen: Seen[] = [];
  readonly tenants: readonly [CanaryTenant, CanaryTenant];
  /** Size of the app's log when the run began. */
  readonly logStart: number;
  /** The functions that are attacked. */
  readonly operations: readonly Operation[];
  #asked = 0;
  readonly #records: RequestRecord[] = [];
  /** Number of the last request in the database's record that is known here. */
  #latest: number | undefined;
  #reading = Promise.resolve();

  constructor(
    stack: StackDescription,
    { tenants, random, logStart, operations }: Pick<Run, "tenants" | "random" | "logStart" | "operations">,
  ) {
    this.stack = stack;
    this.operations = operations;
    this.tenants = tenants;
    this.own = tenants[0].side;
    this.foreign = tenants[1].side;
    this.random = random;
    this.logStart = logStart;
  }

  /** Sends a request under an id of its own, again where it came too often. */
  async ask(attempt: Attempt, contract: Contract, request: Request, of?: Side): Promise<Seen> {
    const requestId = randomUUID();
    this.#asked++;
    const headers = { ...request.headers, "x-request-id": requestId };
    let answer = await send<Seen["answer"]["body"]>(contract, { ...request, headers });
    for (let again = 0; answer.status === 429 && again < 5; again++) {
      await delay(1000 * Number(answer.headers.get("retry-after") ?? 1));
      answer = await send<Seen["answer"]["body"]>(contract, { ...request, headers });
    }
    const seen = {
      attempt,
      answer,
      bytes: bytes(answer),
      line: lineOf(contract, request),
      requestId,
      of,
      partitions: partitionsOf(request),
    };
    this.seen.push(seen);
    if (this.#asked % readAfter === 0) await this.#readRecord();
    return seen;
  }

  /** What reached the database in this run, and shortly before, as it recorded it. */
  async recordedRequests(): Promise<readonly RequestRecord[]> {
    await this.#readRecord();
    return this.#records;
  }

  /** Reads on in the database's record, which keeps ten thousand requests only. One reading at a time. */
  #readRecord(): Promise<void> {
    this.#reading = this.#reading.then(async () => {
      const { latest, requests } = await recorded(`since=${this.#latest ?? 0}`);
      const expected = (this.#latest ?? (requests[0]?.sequence ?? 1) - 1) + 1;
      if ((requests[0]?.sequence ?? expected) > expected)
        throw new Error("The database's record has forgotten requests of this run before they were read.");
      this.#latest = latest;
      this.#records.push(...requests);
    });
    return this.#reading;
  }
}

function lineOf({ method, route, unversioned }: Contract, { params = {}, query }: Request): string {
  const path = route.replaceAll(/\{(\w+)\}/gu, (_, name: string) => params[name] ?? "");
  const search = query === undefined ? "" : `?${new URLSearchParams(query).toString()}`;
  return `${method} /${unversioned === true ? "" : "v1/"}${path}${search}`;
}

const tenantIds = /tnt_[0-9A-Z]{26}/gu;

function partitionsOf({ token = "", body }: Request): readonly string[] {
  const { token: oneTime } = (body ?? {}) as { token?: unknown };
  const claimed = token.startsWith("eyJ") ? claimsOf(token) : (token.match(tenantIds) ?? []);
  return [...claimed, ...(typeof oneTime === "string" ? (oneTime.match(tenantIds) ?? []) : [])];
}

function claimsOf(token: string): readonly string[] {
  const { tenant_id: tenantId, roles } = decodeJwt<{ tenant_id?: string; roles?: readonly string[] }>(token);
  if (roles?.includes("platform_operator") === true) return [platformTenantId];
  return tenantId === undefined ? [] : [tenantId];
}

/** Notes that an answer is another one than promised. */
export function violate(section: Section, seen: Seen, expected: string, control: string): void {
  const { attempt, line, requestId } = seen;
  section.violate({ ...attempt, expected, got: shortened(seen.bytes), request: line, requestId, control });
}

function shortened(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)} …` : text;
}

/** Does the work for all items, some at the same time. */
export async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>, lanes = 8): Promise<void> {
  const waiting = [...items].reverse();
  const lane = async () => {
    for (let item = waiting.pop(); item !== undefined; item = waiting.pop()) await work(item);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
