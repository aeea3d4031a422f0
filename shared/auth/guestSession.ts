import { now } from "../clock.ts";
import { isSecret, parseToken } from "../protection/oneTimeToken.ts";
import { type Link, linkKind } from "../surveys/link.ts";
import { admit } from "../tenancy/admit.ts";
import { isTenantId } from "../tenancy/ids.ts";
import type { Entity } from "../tenancy/kind.ts";
import { lookUp } from "../tenancy/lookUp.ts";
import { type Tenant, tenantKind } from "../tenants/tenant.ts";
import { Problem } from "../web/problem.ts";
import type { GuestCaller } from "./caller.ts";
import { SessionBearer, sessionMs } from "./sessionBearer.ts";

const sessions = new SessionBearer<{ readonly linkId: string }>("gs.", "guest-session", ["linkId"]);

/** Whether a bearer looks like a guest session, and not like an access token. */
export function isGuestSession(bearer: string): boolean {
  return sessions.matches(bearer);
}

/**
 * The guest behind a link's token. Throws `link_invalid` alike for whatever is wrong with the token itself, and
 * `link_expired` or `link_replaced` only to who proves to hold the link.
 */
export async function verifyLink(text: string): Promise<GuestCaller> {
  const token = parseToken(text);
  if (token === undefined || !isTenantId(token.tenantId)) throw new Problem("link_invalid");
  const link = await lookUp(linkKind, token.tenantId, token.id);
  const proven = isSecret(token.secret, link?.secretHash);
  if (link === undefined || !proven) throw new Problem("link_invalid");
  return await guestOf(token.tenantId, link);
}

/** A bearer for the guest, for 30 minutes, and when it ends. */
export async function openSession(
  guest: GuestCaller,
): Promise<{ readonly bearer: string; readonly expiresAt: string }> {
  return await sessions.make(guest.tenant.id, { linkId: guest.link.id }, now().getTime() + sessionMs);
}

/** The guest behind a session's bearer; the link and the tenant are read each time, so that a revoked link ends at once. */
export async function verifySession(bearer: string): Promise<GuestCaller> {
  const { tenantId, linkId } = await sessions.open(bearer);
  const link = await lookUp(linkKind, tenantId, linkId);
  if (link === undefined) throw new Problem("unauthenticated");
  return await guestOf(tenantId, link);
}

async function guestOf(tenantId: string, link: Entity<Link>): Promise<GuestCaller> {
  const tenant: Entity<Tenant> | undefined = await lookUp(tenantKind, tenantId, tenantId);
  if (tenant?.state !== "active") throw new Problem("tenant_suspended");
  if (link.status === "replaced") throw new Problem("link_replaced");
  if (link.status === "closed" || link.expiresAt <= now().toISOString()) throw new Problem("link_expired");
  admit(tenantId);
  return { type: "guest", id: link.id, surveyId: link.surveyId, link, tenant };
}
