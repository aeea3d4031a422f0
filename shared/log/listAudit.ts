import { createHash } from "node:crypto";
import { UnprotectError } from "../protection/protector.ts";
import type { LogFilter } from "../tenancy/logReader.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { Problem } from "../web/problem.ts";
import { type AuditEntry, auditEntry } from "./auditView.ts";

/** Behind the newest entry. */
const end = Number.MAX_SAFE_INTEGER;

/** A page of the tenant's log, newest first. Throws `invalid_cursor`. At most three months a page: it may be short. */
export async function listAudit(
  tenant: TenantScope,
  filter: LogFilter,
  { limit = 25, cursor }: { readonly limit?: number | undefined; readonly cursor?: string | undefined },
): Promise<{ items: AuditEntry[]; nextCursor?: string }> {
  const cursors = tenant.protector(`cursor:audit:${filterHash(filter)}`);
  const { entries, next } = await tenant.log.search(filter, cursor === undefined ? end : await opened(cursor), limit);
  return {
    items: entries.map(auditEntry),
    ...(next !== undefined && { nextCursor: await cursors.protectJson(next) }),
  };

  async function opened(text: string): Promise<number> {
    try {
      return Number(await cursors.unprotectJson(text));
    } catch (error) {
      if (error instanceof UnprotectError) throw new Problem("invalid_cursor");
      throw error;
    }
  }
}

function filterHash({ actor, target, from, to }: LogFilter): string {
  return createHash("sha256")
    .update(JSON.stringify([actor, target, from, to]))
    .digest("base64url")
    .slice(0, 22);
}
