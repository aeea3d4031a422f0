import { newSecret, secretHash, tokenText } from "../protection/oneTimeToken.ts";
import { type Link, linkKind } from "../surveys/link.ts";
import { openScopeForTests } from "../tenancy/databaseForTests.ts";
import { newId } from "../tenancy/ids.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { type Tenant, quotasOf, tenantKind } from "../tenants/tenant.ts";

/** A tenant's document and scope. */
export async function newTenant(state: Tenant["state"] = "active"): Promise<TenantScope> {
  const scope = openScopeForTests();
  const tenant: Tenant = {
    name: "Acme",
    plan: "trial",
    state,
    account: "devstoreaccount1",
    quotas: quotasOf.trial,
    consentText: { version: 1, text: "I agree." },
    branding: { displayName: "Acme", color: "#336699" },
  };
  await scope.change().create(tenantKind, scope.tenantId, tenant).record();
  return scope;
}

/** A guest's link, with its token. */
export async function newLink(scope: TenantScope, changes: Partial<Link> = {}): Promise<{ id: string; token: string }> {
  const [id, secret] = [newId("lnk"), newSecret()];
  const link: Link = {
    surveyId: newId("svy"),
    status: "active",
    channel: "none",
    secretHash: secretHash(secret),
    protectedToken: "",
    expiresAt: new Date(Date.now() + 86_400_000).toISOString(),
    ...changes,
  };
  await scope.change().create(linkKind, id, link).record();
  return { id, token: tokenText({ tenantId: scope.tenantId, id, secret }) };
}
