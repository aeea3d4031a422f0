import type { Condition } from "../tenancy/change.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { type Link, linkKind } from "./link.ts";
import type { Survey } from "./survey.ts";

/** The link that is valid now. At most one point read. */
export async function currentLink(tenant: TenantScope, { linkId }: Survey): Promise<Entity<Link> | undefined> {
  return linkId === undefined ? undefined : await tenant.repository.find(linkKind, linkId);
}

/** Holds as long as the survey's state and link are those that were read; the guest's answers do not matter. */
export function unmoved({ state, linkId }: Survey): Condition {
  return { state, linkId: linkId ?? { absent: true } };
}
