import { Type } from "@sinclair/typebox";
import { Choice, Name, type Static, Text, Time, Whole, closed } from "../schema.ts";
import { Id, prefixes } from "../tenancy/ids.ts";
import type { Entity } from "../tenancy/kind.ts";
import { type Tenant, plans, tenantStates } from "./tenant.ts";

const Color = Type.String({ pattern: "^#[0-9a-f]{6}$", maxLength: 7, description: "sRGB, e.g. #0f6cbd" });

export const Branding = closed({ displayName: Name, color: Color });
/** What a guest agrees to. */
export const consentText = { version: Whole(1, 1_000_000), text: Text(10_000) };

export const TenantView = closed({
  id: Id(prefixes.tenant),
  name: Name,
  plan: Choice(plans),
  state: Choice(tenantStates),
  quotas: closed({
    surveys: Whole(0, Number.MAX_SAFE_INTEGER),
    videoBytes: Whole(0, Number.MAX_SAFE_INTEGER, "Bytes of videos, reserved ones included"),
    members: Whole(0, Number.MAX_SAFE_INTEGER, "Members and open invitations"),
  }),
  consentText: closed(consentText, "What a guest agrees to"),
  branding: Branding,
  createdAt: Time,
  updatedAt: Time,
});
export type TenantView = Static<typeof TenantView>;

export function tenantView(tenant: Entity<Tenant>): TenantView {
  const { id, name, plan, state, quotas, consentText, branding, createdAt, updatedAt } = tenant;
  return { id, name, plan, state, quotas, consentText, branding, createdAt, updatedAt };
}
