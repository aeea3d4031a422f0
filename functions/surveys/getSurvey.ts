import { app } from "@azure/functions";
import { SurveyView, surveyView } from "../../shared/surveys/surveyView.ts";
import { Reply } from "../../shared/triggers/contract.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";
import { videosOf } from "../../shared/videos/videoOf.ts";

/** A survey with the guest's answers and videos. */
export const getSurvey = endpoint({
  method: "GET",
  route: "surveys/{surveyId}",
  permission: "surveys:read",
  policy: "assigned",
  summary: "Show a survey",
  success: { status: 200, body: SurveyView, etag: true },
  handler: async ({ tenant, resource: survey }) =>
    new Reply(surveyView(survey, await videosOf(tenant, survey.id)), { etag: survey.etag }),
});
app.http("getSurvey", getSurvey);
