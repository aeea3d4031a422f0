import { app } from "@azure/functions";
import { type AccessGrant, accessGrantKind } from "../../shared/access/accessGrant.ts";
import { AccessGrantView, NewAccessGrant, accessGrantView } from "../../shared/access/accessView.ts";
import { grantAccess as grant } from "../../shared/access/grantAccess.ts";
import type { Entity } from "../../shared/tenancy/kind.ts";
import { Reply } from "../../shared/triggers/contract.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";

/** Lets an operator see the survey that they have asked for. */
export const grantAccess = endpoint({
  method: "POST",
  route: "access-grants",
  permission: "access:manage",
  summary: "Grant access to a survey",
  description: "For owners. The operator reads and plays this one survey until then, and each use is in the log.",
  body: NewAccessGrant,
  success: { status: 201, body: AccessGrantView, etag: true, location: true },
  errors: ["expired", "invalid_transition"],
  handler: async ({ body, tenant }) => replyOf(await grant(tenant, body)),
  repeat: async ({ tenant }, { id = "" }) => replyOf(await tenant.repository.get(accessGrantKind, id)),
});
app.http("grantAccess", grantAccess);

function replyOf(granted: Entity<AccessGrant>): Reply<AccessGrantView> {
  return new Reply(accessGrantView(granted), { etag: granted.etag, location: `/v1/access-grants/${granted.id}` });
}
