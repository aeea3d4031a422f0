import { PublicKey } from "../protection/signature.ts";
import { type Static, List, closed } from "../schema.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { Seal } from "./seal.ts";
import { sealsOf } from "./sealStore.ts";

const maxSeals = 100;

export const Seals = closed({ seals: List(Seal, maxSeals), keys: List(PublicKey, maxSeals) });
export type Seals = Static<typeof Seals>;

/** The seals of a month, about one a day, with the keys that verify them. */
export async function listSeals(tenant: TenantScope, month: string): Promise<Seals> {
  const stored = await sealsOf(tenant, month, maxSeals);
  const keys = new Map(stored.map(({ key }) => [key.kid, key]));
  return { seals: stored.map(({ seal }) => seal), keys: [...keys.values()] };
}
