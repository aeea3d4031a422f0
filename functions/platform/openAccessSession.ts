import { app } from "@azure/functions";
import { Type } from "@sinclair/typebox";
import { openAccessSession as openSession } from "../../shared/auth/accessSession.ts";
import { Time, closed } from "../../shared/schema.ts";
import { Id, prefixes } from "../../shared/tenancy/ids.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";

/** Exchanges an access that a tenant has granted for a bearer that opens the one survey. */
export const openAccessSession = endpoint({
  method: "POST",
  route: "platform/access-requests/{accessRequestId}/session",
  permission: "access:request",
  policy: "askedFor",
  summary: "Open a session on a granted survey",
  description:
    "For the operator who asked. The bearer is valid for 30 minutes at most and ends at once with the grant; it reads the survey and its videos and plays them, and the tenant's log shows each use.",
  success: {
    status: 200,
    body: closed({
      bearer: Type.String({ maxLength: 2_048 }),
      expiresAt: Time,
      surveyId: Id(prefixes.survey),
    }),
  },
  errors: ["not_granted", "expired"],
  handler: ({ resource, facts }) => openSession(resource, facts),
  repeat: "natural",
});
app.http("openAccessSession", openAccessSession);
