import { ErrorResponse, type JSONObject } from "@azure/cosmos";
import { now } from "../clock.ts";
import { dataContainer } from "./database.ts";
import { within } from "./guard.ts";
import { derivedId } from "./ids.ts";
import { type Entity, defineKind } from "./kind.ts";
import { type StoredItem, toEntity } from "./repository.ts";
import type { TenantScope } from "./scope.ts";

/** Says that somebody is at work on something, until when, and how far they are. */
export interface Lease {
  /** Id of what is worked on. */
  readonly subject: string;
  /** Id of the work, new each time. */
  readonly owner: string;
  readonly until: string;
  /** 0..1 */
  readonly progress: number;
}

export const leaseKind = defineKind<Lease>("lease", { schemaVersion: 1 });

export function leaseId(subject: string): string {
  return derivedId("lse", subject);
}

/** Somebody else took over what this work was on: it must not go on. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}

/**
 * Renews a lease without a fact, for progress is nobody's history. Taking and ending a lease are parts of a change. Throws
 * {@link LeaseLost} once the lease is another's, and whatever the database throws.
 */
export async function renewLease(
  tenant: TenantScope,
  lease: Entity<Lease>,
  renewal: Pick<Lease, "until" | "progress">,
): Promise<Entity<Lease>> {
  const { tenantId } = tenant;
  const { etag, ...stored } = lease;
  const item = {
    ...stored,
    ...renewal,
    tenantId,
    kind: leaseKind.name,
    schemaVersion: leaseKind.schemaVersion,
    updatedAt: now().toISOString(),
  };
  try {
    const { resource } = await within([tenantId], () =>
      dataContainer()
        .item(lease.id, tenantId)
        .replace<JSONObject>(item as unknown as JSONObject, { accessCondition: { type: "IfMatch", condition: etag } }),
    );
    return toEntity(leaseKind, resource as unknown as StoredItem);
  } catch (error) {
    if (!(error instanceof ErrorResponse) || (error.code !== 412 && error.code !== 404)) throw error;
    // Also after a renewal whose answer was lost.
    return await ownLease(tenant, lease);
  }
}

/** The lease as it is now. Throws {@link LeaseLost} once it is another's. */
export async function ownLease(tenant: TenantScope, { id, owner }: Entity<Lease>): Promise<Entity<Lease>> {
  const lease = await tenant.repository.find(leaseKind, id);
  if (lease?.owner !== owner) throw new LeaseLost("Somebody else has taken over.");
  return lease;
}
