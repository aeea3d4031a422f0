import { app } from "@azure/functions";
import { visibleSurvey } from "../../shared/surveys/access.ts";
import { NewSurvey, createSurvey as create } from "../../shared/surveys/createSurvey.ts";
import type { Survey } from "../../shared/surveys/survey.ts";
import { SurveyItem, surveyItem } from "../../shared/surveys/surveyView.ts";
import type { Entity } from "../../shared/tenancy/kind.ts";
import { Reply } from "../../shared/triggers/contract.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";

/** Creates a survey for one guest; it reaches them once a link is made. */
export const createSurvey = endpoint({
  method: "POST",
  route: "surveys",
  permission: "surveys:create",
  summary: "Create a survey",
  body: NewSurvey,
  success: { status: 201, body: SurveyItem, etag: true, location: true },
  errors: ["duplicate_ref", "quota_exceeded"],
  handler: async ({ body, tenant, caller }) =>
    created(await create(tenant, caller, body, caller.tenant.quotas.surveys)),
  repeat: async ({ tenant, caller }, { id = "" }) => created(await visibleSurvey(tenant, caller, id)),
});
app.http("createSurvey", createSurvey);

function created(survey: Entity<Survey>): Reply<SurveyItem> {
  return new Reply(surveyItem(survey), { etag: survey.etag, location: `/v1/surveys/${survey.id}` });
}
