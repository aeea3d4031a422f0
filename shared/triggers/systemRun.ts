import { ulid } from "ulid";
import { admit } from "../tenancy/admit.ts";
import { openBoundary } from "../tenancy/boundary.ts";
import { openScope } from "../tenancy/openScope.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { type Log, errorFields } from "./logLine.ts";

/** What starts a run that no request caused. */
export interface SystemRun {
  /** Name of the function: its doing stands under it in the tenant's log. */
  readonly action: string;
  readonly log: Log;
  /** The event that a failure is logged as. */
  readonly failed: string;
}

/**
 * Runs in the scope of a tenant that an event names in a way that nobody but Azure and this app can choose. A failure is
 * logged and thrown on.
 */
export async function runForTenant(
  tenantId: string,
  { action, log, failed }: SystemRun,
  work: (tenant: TenantScope) => Promise<void>,
): Promise<void> {
  const requestId = ulid();
  await openBoundary(requestId, async () => {
    admit(tenantId);
    const tenant = openScope({ tenantId, action, requestId, actor: { type: "system", id: action } });
    try {
      await work(tenant);
    } catch (error) {
      log("error", { event: failed, tenantId, requestId, ...errorFields(error) });
      throw error;
    }
  });
}
