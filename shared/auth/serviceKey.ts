import { apiKeyKind, statusOf } from "../keys/apiKey.ts";
import { parseCredential } from "../keys/credential.ts";
import { isSecret } from "../protection/oneTimeToken.ts";
import { admit } from "../tenancy/admit.ts";
import { isTenantId } from "../tenancy/ids.ts";
import { lookUp } from "../tenancy/lookUp.ts";
import { tenantKind } from "../tenants/tenant.ts";
import { Problem } from "../web/problem.ts";
import type { ServiceCaller } from "./caller.ts";

/**
 * The service behind a key's credential. Key and tenant are read each time, so that a revoked key ends at once. Throws
 * `unauthenticated` alike for whatever is wrong with the credential, and `tenant_suspended` only to who proves to hold it.
 */
export async function verifyServiceKey(bearer: string): Promise<ServiceCaller> {
  const token = parseCredential(bearer);
  if (token === undefined || !isTenantId(token.tenantId)) throw new Problem("unauthenticated");
  const { tenantId } = token;
  const key = await lookUp(apiKeyKind, tenantId, token.id);
  const proven = isSecret(token.secret, key?.secretHash);
  if (key === undefined || !proven || statusOf(key) !== "active") throw new Problem("unauthenticated");
  const tenant = await lookUp(tenantKind, tenantId, tenantId);
  if (tenant?.state !== "active") throw new Problem("tenant_suspended");
  admit(tenantId);
  return { type: "service", id: key.id, key, tenant, assignedOnly: false };
}
