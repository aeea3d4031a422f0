import { isProblem } from "../web/problem.ts";
import { derivedId } from "./ids.ts";
import { type Entity, defineKind } from "./kind.ts";
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

export const leaseKind = defineKind<Lease>("lease", {
  schemaVersion: 1,
  fields: { subject: "id", owner: "id", until: "time", progress: "technical" },
});

export function leaseId(subject: string): string {
  return derivedId("lse", subject);
}

/** Somebody else took over what this work was on: it must not go on. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}

/**
 * Renews a lease, without a fact: progress is nobody's history. Taking and ending a lease are parts of a change. Throws
 * {@link LeaseLost} once the lease is another's, and whatever the database throws.
 */
export async function renewLease(
  tenant: TenantScope,
  lease: Entity<Lease>,
  renewal: Pick<Lease, "until" | "progress">,
): Promise<Entity<Lease>> {
  const { id, createdAt, subject, owner } = lease;
  const fields: Lease = { subject, owner, ...renewal };
  try {
    const committed = await tenant.change().replace(leaseKind, lease, fields).record();
    return { ...fields, id, createdAt, updatedAt: committed.at, etag: committed.etag(id) };
  } catch (error) {
    if (!isProblem(error, "stale") && !isProblem(error, "not_found")) throw error;
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
