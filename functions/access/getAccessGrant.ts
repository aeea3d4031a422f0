import { app } from "@azure/functions";
import { accessGrantKind } from "../../shared/access/accessGrant.ts";
import { AccessGrantView, accessGrantView } from "../../shared/access/accessView.ts";
import { Reply } from "../../shared/triggers/contract.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";

/** One request for access, with the version that revoking it asks for. */
export const getAccessGrant = endpoint({
  method: "GET",
  route: "access-grants/{accessGrantId}",
  permission: "access:read",
  policy: "wholeTenant",
  summary: "Show a request for access or a grant",
  success: { status: 200, body: AccessGrantView, etag: true },
  handler: async ({ params, tenant }) => {
    const grant = await tenant.repository.get(accessGrantKind, params.accessGrantId);
    return new Reply(accessGrantView(grant), { etag: grant.etag });
  },
});
app.http("getAccessGrant", getAccessGrant);
