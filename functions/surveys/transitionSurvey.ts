import { app } from "@azure/functions";
import type { Survey } from "../../shared/surveys/survey.ts";
import { SurveyItem, surveyItem } from "../../shared/surveys/surveyView.ts";
import { Decision, transitionSurvey as transition } from "../../shared/surveys/transitionSurvey.ts";
import type { Entity } from "../../shared/tenancy/kind.ts";
import { Reply } from "../../shared/triggers/contract.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";

/** Moves a survey on: takes it into review, completes it, asks for changes or cancels it. */
export const transitionSurvey = endpoint({
  method: "POST",
  route: "surveys/{surveyId}/transitions",
  permission: "surveys:decide",
  policy: "assigned",
  summary: "Decide on a survey",
  body: Decision,
  success: { status: 200, body: SurveyItem, etag: true },
  errors: ["invalid_transition"],
  handler: async ({ body, tenant, resource: survey }) => moved(await transition(tenant, survey, body)),
  repeat: ({ resource: survey }) => Promise.resolve(moved(survey)),
});
app.http("transitionSurvey", transitionSurvey);

function moved(survey: Entity<Survey>): Reply<SurveyItem> {
  return new Reply(surveyItem(survey), { etag: survey.etag });
}
