import { lookingUp } from "./boundary.ts";
import type { Entity, Kind } from "./kind.ts";
import { TenantRepository } from "./repository.ts";

/**
 * What has to be read of a tenant before a credential for it is verified: a link, a key, a member, an invitation, the
 * tenant itself. One point read, or undefined. Only `shared/auth` may: a dependency rule keeps everybody else out.
 */
export async function lookUp<T extends object>(
  kind: Kind<T>,
  tenantId: string,
  id: string,
): Promise<Entity<T> | undefined> {
  return await lookingUp({ tenantId, id }, () => new TenantRepository(tenantId).find(kind, id));
}
