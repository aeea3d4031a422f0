import { app } from "@azure/functions";
import { Type } from "@sinclair/typebox";
import { guestAccess } from "../../shared/auth/authenticate.ts";
import { openSession, verifyLink } from "../../shared/auth/guestSession.ts";
import { Line, Time, closed } from "../../shared/schema.ts";
import { guestSurvey } from "../../shared/surveys/guestAccess.ts";
import { openSurvey } from "../../shared/surveys/openSurvey.ts";
import { Id, prefixes } from "../../shared/tenancy/ids.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";

/** Exchanges a link's token for a bearer; the first time, the survey is open from then on. */
export const openGuestSession = endpoint({
  method: "POST",
  route: "guest/session",
  permission: "public",
  summary: "Open a guest's session",
  description:
    "The bearer is valid for 30 minutes, and ends at once with its link. Open another session whenever needed.",
  body: closed({ token: Line(200, "Fragment of the link's address") }),
  success: {
    status: 200,
    body: closed({
      bearer: Type.String({ maxLength: 2_048 }),
      expiresAt: Time,
      surveyId: Id(prefixes.survey),
    }),
  },
  errors: ["link_invalid", "link_expired", "link_replaced", "tenant_suspended", "not_found"],
  handler: async ({ body, facts }) => {
    const guest = await verifyLink(body.token);
    const tenant = guestAccess(guest, facts).open();
    await openSurvey(tenant, await guestSurvey(tenant, guest));
    return { ...(await openSession(guest)), surveyId: guest.surveyId };
  },
  repeat: "natural",
});
app.http("openGuestSession", openGuestSession);
