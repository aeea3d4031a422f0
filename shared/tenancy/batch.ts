import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { ItemDefinition, OperationInput, OperationResponse } from "@azure/cosmos";
import { Problem } from "../web/problem.ts";
import { dataContainer } from "./database.ts";
import { failureOf, reading } from "./failure.ts";
import { within } from "./guard.ts";

/** The operation that a batch failed at. None of the others was carried out either. */
export class BatchRefused extends Error {
  override readonly name = "BatchRefused";
  readonly index: number;
  readonly status: number;
  constructor(index: number, status: number) {
    super(`operation ${index} of a batch failed with ${status}`);
    this.index = index;
    this.status = status;
  }
}

/** Tells whether a batch happened whose answer was lost: the id of an item that only it makes, and its time. */
export interface Proof {
  readonly id: string;
  readonly at: string;
}

const attempts = 4;
/** Statuses of an operation that a repeat of the batch may get past: a concurrent write, or too many of them. */
const passing = new Set([429, 449]);
/** The version of an item that somebody else wrote since; no item has it, so it is as stale as the real one. */
const overwritten = '"overwritten"';

/**
 * Sends one transactional batch, and again where that can help. Gives the versions written, by id. Throws
 * {@link BatchRefused}, or the problem `unavailable` where the database did not take it in time or, without a proof,
 * where nobody can say whether it did.
 */
export async function sendBatch(
  tenantId: string,
  operations: readonly OperationInput[],
  proof?: Proof,
): Promise<ReadonlyMap<string, string>> {
  let doubtful = false;
  for (let attempt = 1; ; attempt++) {
    const { written, lost, repeatable, problem } = await once(tenantId, operations);
    if (written !== undefined) return written;
    doubtful ||= lost;
    if (!repeatable || attempt === attempts) {
      if (doubtful && proof !== undefined && (await exists(tenantId, proof.id)))
        return await versionsOf(tenantId, operations, proof.at);
      throw problem;
    }
    await delay(randomInt(13, 38) * 2 ** attempt);
  }
}

interface Outcome {
  /** The versions written; only of a batch that happened. */
  readonly written?: ReadonlyMap<string, string>;
  /** Whether the batch may have happened although no answer said so. */
  readonly lost: boolean;
  readonly repeatable: boolean;
  readonly problem: Error;
}

async function once(tenantId: string, operations: readonly OperationInput[]): Promise<Outcome> {
  try {
    const { code, result = [] } = await within([tenantId], () =>
      dataContainer().items.batch([...operations], [tenantId]),
    );
    const written = code === 200 ? { written: etagsOf(operations, result) } : {};
    // 424 marks the operations that failed only because another one did.
    const index = result.findIndex(({ statusCode }) => statusCode !== 424);
    const status = result[index]?.statusCode ?? 0;
    const repeatable = passing.has(status);
    const problem = repeatable ? new Problem("unavailable", { retryAfter: 1 }) : new BatchRefused(index, status);
    return { ...written, lost: false, repeatable, problem };
  } catch (error) {
    const failure = failureOf(error);
    if (failure === "refused") throw error;
    const lost = failure === "lost";
    return { lost, repeatable: lost, problem: new Problem("unavailable", { retryAfter: 2, cause: error }) };
  }
}

async function exists(tenantId: string, id: string): Promise<boolean> {
  return (await stored(tenantId, id)) !== undefined;
}

/** The versions that a batch wrote, read afterwards: those of the items that still are as it left them. */
async function versionsOf(
  tenantId: string,
  operations: readonly OperationInput[],
  at: string,
): Promise<ReadonlyMap<string, string>> {
  const versions = new Map<string, string>();
  for (const id of operations.flatMap((operation) => writtenId(operation) ?? [])) {
    const item = await stored(tenantId, id);
    versions.set(id, item?.["updatedAt"] === at ? String(item["_etag"]) : overwritten);
  }
  return versions;
}

async function stored(tenantId: string, id: string): Promise<ItemDefinition | undefined> {
  const { resource } = await reading([tenantId], (options) =>
    dataContainer().item(id, tenantId).read<ItemDefinition>(options),
  );
  return resource;
}

function writtenId(operation: OperationInput): string | undefined {
  if (operation.operationType === "Delete" || operation.operationType === "Read") return undefined;
  return "id" in operation ? operation.id : (operation.resourceBody as { id: string }).id;
}

function etagsOf(
  operations: readonly OperationInput[],
  results: readonly OperationResponse[],
): ReadonlyMap<string, string> {
  const entries = operations.flatMap((operation, at) => {
    const id = writtenId(operation);
    const etag = results[at]?.eTag;
    return id === undefined || etag === undefined ? [] : [[id, etag] as const];
  });
  return new Map(entries);
}
