import { now } from "../clock.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { isProblem } from "../web/problem.ts";
import { type ApiKey, apiKeyKind } from "./apiKey.ts";

/** Writes down the day of a key's use: the first request of a day does, once however many there are. */
export async function noteUse(tenant: TenantScope, key: Entity<ApiKey>): Promise<void> {
  const lastUsedOn = now().toISOString().slice(0, 10);
  if (key.lastUsedOn === lastUsedOn) return;
  try {
    await tenant.change().patch(apiKeyKind, key, { lastUsedOn }, { ifMatch: key.etag }).record();
  } catch (error) {
    // Another request has written it, or the key changed: the next request will see.
    if (!isProblem(error, "stale") && !isProblem(error, "not_found")) throw error;
  }
}
