import { app } from "@azure/functions";
import { guestSurvey, pinnedVersion } from "../../shared/surveys/guestAccess.ts";
import { GuestSurveyView, guestView } from "../../shared/surveys/guestView.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";
import { videosOf } from "../../shared/videos/videoOf.ts";

/** What the guest is asked, what they have given and what is still missing. */
export const getGuestSurvey = endpoint({
  method: "GET",
  route: "guest/survey",
  permission: "guest:read",
  summary: "Show the guest's survey",
  success: { status: 200, body: GuestSurveyView },
  errors: ["not_found"],
  handler: async ({ tenant, caller }) => {
    const survey = await guestSurvey(tenant, caller);
    const [version, videos] = await Promise.all([pinnedVersion(tenant, survey), videosOf(tenant, survey.id)]);
    return guestView(caller.tenant, survey, version, videos);
  },
});
app.http("getGuestSurvey", getGuestSurvey);
