import { config } from "../config.ts";
import { type Operation, operationKind } from "../operations/operation.ts";
import { newId, prefixes } from "../tenancy/ids.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { registeredTenantKind } from "./registry.ts";
import type { Plan } from "./tenant.ts";

/**
 * Takes a tenant into the platform's registry and has it set up. Gives the operation that tells how that goes. Throws
 * `name_taken`.
 */
export async function registerTenant(
  platform: TenantScope,
  { name, ownerEmail, plan }: { readonly name: string; readonly ownerEmail: string; readonly plan: Plan },
): Promise<Entity<Operation>> {
  const tenantId = newId(prefixes.tenant);
  const operationId = newId(prefixes.operation);
  const operation: Operation = {
    action: platform.action,
    status: "running",
    progress: 0,
    startedBy: platform.actor.id,
  };
  const committed = await platform
    .change()
    .reserve("tenant_name", withSingleSpaces(name), tenantId, "name_taken")
    .create(registeredTenantKind, tenantId, {
      name,
      plan,
      state: "provisioning",
      account: config().data.account,
      setup: { ownerEmail, operationId },
    })
    .create(operationKind, operationId, operation)
    .remember({ id: operationId })
    .commit({
      target: tenantId,
      commands: [{ queue: "provision-tenant", message: { subjectTenantId: tenantId } }],
    });
  const { at } = committed;
  return { ...operation, id: operationId, createdAt: at, updatedAt: at, etag: committed.etag(operationId) };
}

/** Names that look alike are the same name. */
function withSingleSpaces(name: string): string {
  return name.trim().replaceAll(/\s+/gu, " ");
}
