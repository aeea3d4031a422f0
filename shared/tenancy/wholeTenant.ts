import type { SqlParameter } from "@azure/cosmos";
import { sendBatch } from "./batch.ts";
import { dataContainer } from "./database.ts";
import { reading } from "./failure.ts";
import { tenantPredicate } from "./guard.ts";
import type { StoredItem } from "./repository.ts";

/**
 * Everything of a tenant as it is stored, whatever its kind: for copies of a whole tenant, and for nobody in the product. A
 * dependency rule keeps functions and domains from importing this file. As everywhere, the tenant has to be admitted.
 */

/** Items of one page; a page stays far below what one answer of the database may have. */
export const pageSize = 100;

/** The next {@link pageSize} items behind the id, in the order of ids; fewer on the last page. One query. */
export async function readItems(tenantId: string, behind: string): Promise<readonly StoredItem[]> {
  return await query(
    tenantId,
    `SELECT TOP ${pageSize} * FROM c WHERE ${tenantPredicate} AND c.id > @behind ORDER BY c.id ASC`,
    [{ name: "@behind", value: behind }],
  );
}

/** The items that have these ids, {@link pageSize} of them at most, in whatever order; fewer where some are gone. One query. */
export async function readItemsOf(tenantId: string, ids: readonly string[]): Promise<readonly StoredItem[]> {
  const parameters = ids.map((value, at) => ({ name: `@id${at}`, value }));
  const names = parameters.map(({ name }) => name).join(", ");
  return await query(tenantId, `SELECT * FROM c WHERE ${tenantPredicate} AND c.id IN (${names})`, parameters);
}

async function query(tenantId: string, text: string, parameters: SqlParameter[]): Promise<readonly StoredItem[]> {
  const { resources } = await reading([tenantId], (options) =>
    dataContainer()
      .items.query<StoredItem>(
        { query: text, parameters: [{ name: "@tenantId", value: tenantId }, ...parameters] },
        { ...options, partitionKey: tenantId, maxItemCount: pageSize },
      )
      .fetchAll(),
  );
  return resources;
}

/** An item as it is written: whose it is, is said apart. */
export interface WrittenItem {
  readonly id: string;
  readonly kind: string;
  readonly schemaVersion: number;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly [field: string]: unknown;
}

/** Half of what a batch may have: its items travel with what is around them. */
const batchBytes = 1_000_000;

/**
 * Writes items of one tenant, in batches; each replaces the one of its id. May be repeated. Throws `unavailable` where the
 * database does not take them in time: some may be written then.
 */
export async function writeItems(tenantId: string, items: readonly WrittenItem[]): Promise<void> {
  let batch: WrittenItem[] = [];
  let bytes = 0;
  for (const item of items) {
    const size = Buffer.byteLength(JSON.stringify(item));
    if (batch.length === pageSize || (batch.length > 0 && bytes + size > batchBytes)) {
      await write(tenantId, batch);
      [batch, bytes] = [[], 0];
    }
    batch.push(item);
    bytes += size;
  }
  if (batch.length > 0) await write(tenantId, batch);
}

async function write(tenantId: string, items: readonly WrittenItem[]): Promise<void> {
  const operations = items.map((item) => ({
    operationType: "Upsert" as const,
    resourceBody: { ...item, tenantId },
  }));
  await sendBatch(tenantId, operations);
}
