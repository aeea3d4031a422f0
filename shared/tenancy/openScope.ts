import { protector } from "../protection/protector.ts";
import { TenancyViolation, boundary } from "./boundary.ts";
import { Change } from "./change.ts";
import { isTenantId } from "./ids.ts";
import { TenantLog } from "./log.ts";
import { TenantRepository } from "./repository.ts";
import type { ChangeContext, TenantScope } from "./scope.ts";

/**
 * Opens the scope of a tenant that was admitted. Only `shared/auth` (from a verified credential) and the trigger wrappers
 * (from a validated path or message) may: a dependency rule keeps everybody else from importing this file.
 */
export function openScope(context: ChangeContext): TenantScope {
  if (!isTenantId(context.tenantId)) throw new TypeError("not a tenant id");
  if (!boundary().admitted.has(context.tenantId)) throw new TenancyViolation("scope of a tenant not admitted");
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
