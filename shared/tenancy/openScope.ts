import { protector } from "../protection/protector.ts";
import { Change } from "./change.ts";
import { isTenantId } from "./ids.ts";
import { TenantLog } from "./log.ts";
import { TenantRepository } from "./repository.ts";
import type { ChangeContext, TenantScope } from "./scope.ts";

/**
 * Opens a tenant's scope. Only `shared/auth` (from a verified credential) and the trigger wrappers (from a validated path
 * or message) may: a dependency rule keeps everybody else from importing this file.
 */
export function openScope(context: ChangeContext): TenantScope {
  if (!isTenantId(context.tenantId)) throw new TypeError("not a tenant id");
  const { tenantId, actor, action, requestId } = context;
  return {
    tenantId,
    actor,
    action,
    requestId,
    repository: new TenantRepository(tenantId),
    log: new TenantLog(tenantId),
    change: () => new Change(context),
    protector: (use) => protector(tenantId, use),
  };
}
