import { type AccessGrant, type AccessRequest, accessGrantKind, accessState } from "../access/accessGrant.ts";
import { now } from "../clock.ts";
import { admit } from "../tenancy/admit.ts";
import type { Entity } from "../tenancy/kind.ts";
import { lookUp } from "../tenancy/lookUp.ts";
import { openScope } from "../tenancy/openScope.ts";
import { tenantKind } from "../tenants/tenant.ts";
import { Problem } from "../web/problem.ts";
import type { RequestFacts } from "./authenticate.ts";
import type { SupportCaller } from "./caller.ts";
import { SessionBearer, sessionMs } from "./sessionBearer.ts";

/** What a session's bearer says, protected for its tenant. */
interface Session extends Readonly<Record<string, string>> {
  readonly grantId: string;
  readonly operatorId: string;
  readonly surveyId: string;
}

const sessions = new SessionBearer<Session>("as.", "access-session", ["grantId", "operatorId", "surveyId"]);

/** Whether a bearer looks like an access session, and not like an access token. */
export function isAccessSession(bearer: string): boolean {
  return sessions.matches(bearer);
}

/**
 * Exchanges what a tenant has granted to the operator for a bearer, for 30 minutes or until the grant ends; the tenant's
 * log shows it. The platform's own record of the request names tenant and operator. Throws `not_granted` until the tenant
 * grants it and after it takes that back, `expired`, `tenant_suspended`.
 */
export async function openAccessSession(
  { id: requestId, subjectTenantId: tenantId, operatorId }: Entity<AccessRequest>,
  facts: RequestFacts,
): Promise<{ readonly bearer: string; readonly expiresAt: string; readonly surveyId: string }> {
  const [grant, tenant] = await Promise.all([
    lookUp(accessGrantKind, tenantId, requestId),
    lookUp(tenantKind, tenantId, tenantId),
  ]);
  if (tenant?.state !== "active") throw new Problem("tenant_suspended");
  const state = grant && accessState(grant);
  if (state === "expired") throw new Problem("expired");
  if (grant?.grantedUntil === undefined || state !== "granted") throw new Problem("not_granted");
  const { surveyId, grantedUntil } = grant;
  const exp = Math.min(now().getTime() + sessionMs, Date.parse(grantedUntil));
  const made = await sessions.make(tenantId, { grantId: grant.id, operatorId, surveyId }, exp);
  admit(tenantId);
  // Before the bearer leaves: no session that the tenant cannot see.
  await openScope({ ...facts, tenantId, actor: { type: "operator", id: operatorId } })
    .change()
    .commit({ target: grant.id });
  return { ...made, surveyId };
}

/**
 * The operator behind a session's bearer. The grant and the tenant are read each time, so that a revocation or the end of
 * the grant ends the session at once. Throws `unauthenticated` alike for whatever is wrong or over.
 */
export async function verifyAccessSession(bearer: string): Promise<SupportCaller> {
  const { tenantId, grantId, operatorId, surveyId } = await sessions.open(bearer);
  const [grant, tenant] = await Promise.all([
    lookUp(accessGrantKind, tenantId, grantId),
    lookUp(tenantKind, tenantId, tenantId),
  ]);
  if (!isGranted(grant, { operatorId, surveyId })) throw new Problem("unauthenticated");
  if (tenant?.state !== "active") throw new Problem("tenant_suspended");
  admit(tenantId);
  return { type: "support", id: operatorId, surveyId, tenant, assignedOnly: false };
}

function isGranted(grant: Entity<AccessGrant> | undefined, session: Pick<Session, "operatorId" | "surveyId">): boolean {
  if (grant === undefined || accessState(grant) !== "granted") return false;
  return grant.operatorId === session.operatorId && grant.surveyId === session.surveyId;
}
