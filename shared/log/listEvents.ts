import type { EventType } from "../tenancy/fact.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { type EventView, eventViews, isEvent } from "./eventView.ts";

/** Entries that are looked at for one page. */
const maxEntries = 100;

/** A page of events behind a sequence number, in order, and the number to go on from. */
export async function listEvents(
  tenant: TenantScope,
  { after = 0, types, limit = 25 }: { readonly after?: number; readonly types?: EventType[]; readonly limit?: number },
): Promise<{ items: EventView[]; nextAfter: number; more: boolean }> {
  const { entries, last, more } = await tenant.log.read(after, maxEntries);
  const wanted = entries.filter(isEvent).filter(({ type }) => types === undefined || types.includes(type));
  const page = wanted.slice(0, limit);
  const cut = wanted.length > page.length;
  const items = await eventViews(tenant, page);
  return { items, nextAfter: cut ? (page.at(-1)?.seq ?? after) : last, more: cut || more };
}
