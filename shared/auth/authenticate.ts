import { memberId, memberKind } from "../members/member.ts";
import { derivedId, isTenantId, platformTenantId } from "../tenancy/ids.ts";
import { TenantRepository } from "../tenancy/repository.ts";
import { openScope } from "../tenancy/openScope.ts";
import type { ChangeContext, TenantScope } from "../tenancy/scope.ts";
import { tenantKind } from "../tenants/tenant.ts";
import { Problem } from "../web/problem.ts";
import { type Identity, verifyAccessToken } from "./accessToken.ts";
import type { Caller, GuestCaller, MemberCaller } from "./caller.ts";
import { isGuestSession, verifySession } from "./guestSession.ts";
import { type Permission, type Role, allows } from "./permissions.ts";

/** What is known of a request before its caller is. */
export type RequestFacts = Pick<ChangeContext, "action" | "requestId" | "source">;

export interface Authenticated {
  readonly caller: Caller;
  /** Names the credential's holder for rate limits and idempotency records. */
  readonly holder: string;
  /** Opens the caller's own tenant; absent where the caller has none. */
  readonly open?: (idempotency?: ChangeContext["idempotency"]) => TenantScope;
}
type AuthenticatedIn = Authenticated & Required<Pick<Authenticated, "open">>;

/**
 * Verifies the bearer and checks the permission. At most two point reads. Throws `unauthenticated` without a valid
 * credential, `forbidden` where it does not carry the permission, `tenant_suspended` where the tenant is not active.
 */
export async function authenticate(
  bearer: string | undefined,
  permission: Permission,
  facts: RequestFacts,
): Promise<Authenticated> {
  if (permission === "public") return { caller: { type: "public" }, holder: "public" };
  if (bearer === undefined) throw new Problem("unauthenticated");
  if (isGuestSession(bearer)) {
    const guest = await verifySession(bearer);
    demand(permission, "guest");
    return guestAccess(guest, facts);
  }
  const identity = await verifyAccessToken(bearer);
  if (allows(permission, "person")) {
    const { issuer, subject } = identity;
    return { caller: { type: "person", issuer, subject }, holder: memberId(issuer, subject) };
  }
  if (identity.operator) {
    demand(permission, "operator");
    const id = derivedId("opr", identity.issuer, identity.subject);
    return access({ type: "operator", id }, platformTenantId, facts);
  }
  const caller = await memberOf(identity);
  demand(permission, caller.role);
  return access(caller, caller.tenant.id, facts);
}

/** The scope of a guest whose credential was verified outside a request's own bearer: by the link itself. */
export function guestAccess(guest: GuestCaller, facts: RequestFacts): AuthenticatedIn {
  return access(guest, guest.tenant.id, facts);
}

function access(caller: Extract<Caller, { id: string }>, tenantId: string, facts: RequestFacts): AuthenticatedIn {
  return {
    caller,
    holder: `${tenantId}/${caller.id}`,
    open: (idempotency) =>
      openScope({
        ...facts,
        tenantId,
        actor: { type: caller.type, id: caller.id },
        ...(idempotency !== undefined && { idempotency }),
      }),
  };
}

async function memberOf({ issuer, subject, tenantId }: Identity): Promise<MemberCaller> {
  if (tenantId === undefined || tenantId === platformTenantId || !isTenantId(tenantId)) throw new Problem("forbidden");
  const repository = new TenantRepository(tenantId);
  const id = memberId(issuer, subject);
  const [member, tenant] = await Promise.all([repository.find(memberKind, id), repository.find(tenantKind, tenantId)]);
  if (member?.status !== "active" || tenant === undefined) throw new Problem("forbidden");
  if (tenant.state !== "active") throw new Problem("tenant_suspended");
  return { type: "member", id, role: member.role, tenant, assignedOnly: member.role === "surveyor" };
}

function demand(permission: Permission, role: Role): void {
  if (!allows(permission, role)) throw new Problem("forbidden");
}
