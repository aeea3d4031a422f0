import { app } from "@azure/functions";
import { TenantView, tenantView } from "../../shared/tenants/tenantView.ts";
import { Reply } from "../../shared/triggers/contract.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";

/** The caller's own tenant, as it was read to authenticate the caller. */
export const getTenant = endpoint({
  method: "GET",
  route: "tenant",
  permission: "tenant:read",
  summary: "Read the own tenant",
  success: { status: 200, body: TenantView, etag: true },
  handler: ({ caller }) => Promise.resolve(new Reply(tenantView(caller.tenant), { etag: caller.tenant.etag })),
});
app.http("getTenant", getTenant);
