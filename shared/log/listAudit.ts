import { cursorsOf } from "../tenancy/cursor.ts";
import type { LogFilter } from "../tenancy/logReader.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { type AuditEntry, auditEntry } from "./auditView.ts";

/** Behind the newest entry. */
const end = Number.MAX_SAFE_INTEGER;

/** A page of the tenant's log, newest first. Throws `invalid_cursor`. At most three months a page: it may be short. */
export async function listAudit(
  tenant: TenantScope,
  filter: LogFilter,
  { limit = 25, cursor }: { readonly limit?: number | undefined; readonly cursor?: string | undefined },
): Promise<{ items: AuditEntry[]; nextCursor?: string }> {
  const { actor, target, from, to } = filter;
  const cursors = cursorsOf((use) => tenant.protector(use), "audit", actor, target, from, to);
  const before = cursor === undefined ? end : Number(await cursors.open(cursor));
  const { entries, next } = await tenant.log.search(filter, before, limit);
  return {
    items: entries.map(auditEntry),
    ...(next !== undefined && { nextCursor: await cursors.make(next) }),
  };
}
