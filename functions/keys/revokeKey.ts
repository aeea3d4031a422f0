import { app } from "@azure/functions";
import { revokeKey as revoke } from "../../shared/keys/revokeKey.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";

/** Ends a service key at once, and all keys that it has made. */
export const revokeKey = endpoint({
  method: "DELETE",
  route: "keys/{keyId}",
  permission: "keys:manage",
  policy: "wholeTenant",
  summary: "Revoke a service key",
  description: "The next request with its credential, or with that of a key which it has made, is refused.",
  success: { status: 204 },
  handler: ({ params, tenant }) => revoke(tenant, params.keyId),
});
app.http("revokeKey", revokeKey);
