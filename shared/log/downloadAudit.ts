import type { TenantScope } from "../tenancy/scope.ts";
import { csv } from "../web/csv.ts";
import { Download } from "../web/download.ts";
import { auditEntry } from "./auditView.ts";

/** About 5 MB. */
const maxEntries = 10_000;
/** Entries that are asked of the database at once. */
const chunk = 1_000;

const columns = [
  "sequence",
  "time",
  "actor_type",
  "actor_id",
  "action",
  "target",
  "result",
  "code",
  "event",
  "data",
  "source",
  "request_id",
  "prev_hash",
  "hash",
];

/** A month of the tenant's log as CSV, oldest first, behind a sequence number; at most 10,000 entries. */
export async function downloadAudit(tenant: TenantScope, month: string, after: number): Promise<Download> {
  const rows: (string | number | undefined)[][] = [];
  let last = after;
  let more = true;
  while (more && rows.length < maxEntries) {
    const entries = await tenant.log.readMonth(month, last, chunk);
    for (const entry of entries) {
      const { sequence, time, actor, action, target, result, ...rest } = auditEntry(entry);
      const { code, type, data, source, requestId, prevHash, hash } = rest;
      const texts = [code, type, JSON.stringify(data), source, requestId, prevHash, hash];
      rows.push([sequence, time, actor.type, actor.id, action, target, result, ...texts]);
    }
    last = entries.at(-1)?.seq ?? last;
    more = entries.length === chunk;
  }
  return new Download({
    fileName: `audit-${month}${after === 0 ? "" : `-after-${after}`}.csv`,
    content: csv(columns, rows),
    next: more ? `/v1/audit/download?month=${month}&after=${last}` : undefined,
  });
}
