import { isScope } from "../keys/apiKey.ts";
import { isCredential } from "../keys/credential.ts";
import { noteUse } from "../keys/noteUse.ts";
import { memberId, memberKind } from "../members/member.ts";
import { admit } from "../tenancy/admit.ts";
import { derivedId, isTenantId, platformTenantId } from "../tenancy/ids.ts";
import { lookUp } from "../tenancy/lookUp.ts";
import { openScope } from "../tenancy/openScope.ts";
import type { ChangeContext, TenantScope } from "../tenancy/scope.ts";
import { tenantKind } from "../tenants/tenant.ts";
import { Problem, isProblem } from "../web/problem.ts";
import { isAccessSession, verifyAccessSession } from "./accessSession.ts";
import { type Identity, verifyAccessToken } from "./accessToken.ts";
import type { Caller, GuestCaller, MemberCaller } from "./caller.ts";
import { isGuestSession, verifySession } from "./guestSession.ts";
import { type Permission, allows, may } from "./permissions.ts";
import { verifyServiceKey } from "./serviceKey.ts";

/** What is known of a request before its caller is. */
export type RequestFacts = Pick<ChangeContext, "action" | "requestId" | "source">;

export interface Authenticated {
  readonly caller: Caller;
  /** Names the credential's holder for rate limits and idempotency records. */
  readonly holder: string;
  /** The tenant that the credential is for; absent where it is for none. */
  readonly tenantId?: string;
  /** Opens the caller's own tenant; absent where the caller has none. */
  readonly open?: (idempotency?: ChangeContext["idempotency"]) => TenantScope;
}
type AuthenticatedIn = Authenticated & Required<Pick<Authenticated, "open">>;

/**
 * Who calls, by the bearer; a permission for whoever is signed in takes them as no more than that. At most two point
 * reads, and one write on a service key's first use of a day. Throws `unauthenticated` without a valid credential,
 * `forbidden` where somebody signed in is nobody here, `tenant_suspended` where the tenant is not active. What the caller
 * may is {@link authorize}'s.
 */
export async function authenticate(
  bearer: string | undefined,
  permission: Permission,
  facts: RequestFacts,
): Promise<Authenticated> {
  if (permission === "public") return { caller: { type: "public" }, holder: "public" };
  if (bearer === undefined) throw new Problem("unauthenticated");
  if (isGuestSession(bearer)) return guestAccess(await guestWith(bearer, permission), facts);
  if (isAccessSession(bearer)) {
    const support = await verifyAccessSession(bearer);
    return access(support, support.tenant.id, facts);
  }
  if (isCredential(bearer)) {
    const service = await verifyServiceKey(bearer);
    const granted = access(service, service.tenant.id, facts);
    await noteUse(granted.open(), service.key);
    return granted;
  }
  const identity = await verifyAccessToken(bearer);
  if (allows(permission, "person")) {
    const { issuer, subject } = identity;
    return { caller: { type: "person", issuer, subject }, holder: memberId(issuer, subject) };
  }
  if (identity.operator) {
    const id = derivedId("opr", identity.issuer, identity.subject);
    admit(platformTenantId);
    return access({ type: "operator", id }, platformTenantId, facts);
  }
  const caller = await memberOf(identity);
  return access(caller, caller.tenant.id, facts);
}

/** Whether the caller may. Throws `forbidden`, which says what is missing. */
export function authorize(caller: Caller, permission: Permission): void {
  if (!may(caller, permission)) throw new Problem("forbidden", { detail: lackOf(caller, permission) });
}

function lackOf({ type }: Caller, permission: Permission): string {
  if (type !== "service") return "Your role does not allow this";
  return isScope(permission) ? `This key does not have the scope ${permission}` : "No scope of a key allows this";
}

/** The scope of a guest whose credential was verified outside a request's own bearer: by the link itself. */
export function guestAccess(guest: GuestCaller, facts: RequestFacts): AuthenticatedIn {
  return access(guest, guest.tenant.id, facts);
}

function access(caller: Extract<Caller, { id: string }>, tenantId: string, facts: RequestFacts): AuthenticatedIn {
  return {
    caller,
    holder: `${tenantId}/${caller.id}`,
    tenantId,
    open: (idempotency) =>
      openScope({
        ...facts,
        tenantId,
        actor: { type: caller.type === "support" ? "operator" : caller.type, id: caller.id },
        ...(idempotency !== undefined && { idempotency }),
      }),
  };
}

/** Why a link ended is told where links are used; elsewhere its guest may nothing, as before. */
async function guestWith(bearer: string, permission: Permission): Promise<GuestCaller> {
  try {
    return await verifySession(bearer);
  } catch (error) {
    const ended = isProblem(error, "link_expired") || isProblem(error, "link_replaced");
    throw ended && !allows(permission, "guest") ? new Problem("forbidden") : error;
  }
}

async function memberOf({ issuer, subject, tenantId }: Identity): Promise<MemberCaller> {
  if (tenantId === undefined || tenantId === platformTenantId || !isTenantId(tenantId)) throw new Problem("forbidden");
  const id = memberId(issuer, subject);
  const [member, tenant] = await Promise.all([
    lookUp(memberKind, tenantId, id),
    lookUp(tenantKind, tenantId, tenantId),
  ]);
  if (member?.status !== "active" || tenant === undefined) throw new Problem("forbidden");
  if (tenant.state !== "active") throw new Problem("tenant_suspended");
  admit(tenantId);
  return { type: "member", id, role: member.role, tenant, assignedOnly: member.role === "surveyor" };
}
