import { app } from "@azure/functions";
import { Time, closed } from "../../shared/schema.ts";
import { submitSurvey as submit } from "../../shared/surveys/submitSurvey.ts";
import { ReceiptCode } from "../../shared/surveys/surveyView.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";

/** Hands the survey in; videos may still be in processing. */
export const submitSurvey = endpoint({
  method: "POST",
  route: "guest/submit",
  permission: "guest:submit",
  summary: "Submit the survey",
  description: "Once submitted, a repeat gives the same receipt.",
  success: { status: 200, body: closed({ receiptCode: ReceiptCode, submittedAt: Time }) },
  errors: ["missing_required", "consent_required", "submitted", "final", "not_found"],
  handler: ({ tenant, caller }) => submit(tenant, caller),
  repeat: "natural",
});
app.http("submitSurvey", submitSurvey);
