import { now } from "../clock.ts";
import { derivedId } from "../tenancy/ids.ts";
import { defineKind } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { type ProblemCode, isProblem } from "../web/problem.ts";

/** Says that something is in the log for this minute already. */
export const recordedKind = defineKind<Record<never, never>>("recorded", {
  schemaVersion: 1,
  fields: {},
  ttlSeconds: 300,
});

/**
 * Puts into the tenant's log what changes nothing and must be seen all the same: that reading was granted, or that a known
 * caller was refused. Once per caller, function, target and minute: a player asks for its grants again and again, and who
 * tries every id would fill the log. One batch.
 */
export async function recordOnce(
  tenant: TenantScope,
  { target, denied }: { readonly target: string; readonly denied?: ProblemCode },
): Promise<void> {
  const { actor, action } = tenant;
  const minute = now().toISOString().slice(0, 16);
  const id = derivedId("rec", actor.id, action, target, denied ?? "", minute);
  try {
    await tenant
      .change()
      .create(recordedKind, id, {})
      .commit({ target, ...(denied !== undefined && { denied }) });
  } catch (error) {
    if (!isProblem(error, "conflict")) throw error;
  }
}
