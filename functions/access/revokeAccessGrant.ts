import { app } from "@azure/functions";
import { revokeAccess } from "../../shared/access/revokeAccess.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";

/** Refuses a request for access, or ends a grant and every session on it at once. */
export const revokeAccessGrant = endpoint({
  method: "DELETE",
  route: "access-grants/{accessGrantId}",
  permission: "access:manage",
  policy: "wholeTenant",
  summary: "Refuse or revoke access",
  success: { status: 204 },
  errors: ["invalid_transition"],
  precondition: "match",
  handler: ({ params, tenant, ifMatch = "" }) => revokeAccess(tenant, params.accessGrantId, ifMatch),
});
app.http("revokeAccessGrant", revokeAccessGrant);
