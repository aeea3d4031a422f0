import { app } from "@azure/functions";
import { Time, closed } from "../../shared/schema.ts";
import { answerQuestion as answer } from "../../shared/surveys/answerQuestion.ts";
import { AnswerInput } from "../../shared/surveys/answers.ts";
import { QuestionId } from "../../shared/templates/template.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";

/** Stores the guest's answer to one question; it can be changed until the survey is submitted. */
export const answerQuestion = endpoint({
  method: "PUT",
  route: "guest/answers/{questionId}",
  permission: "guest:answer",
  policy: "ownLink",
  summary: "Answer a question",
  description: "A null, an empty text or an empty choice takes the answer back. Videos have their own operations.",
  body: closed({ value: AnswerInput }),
  success: { status: 200, body: closed({ questionId: QuestionId, value: AnswerInput, at: Time }) },
  errors: ["consent_required", "submitted", "final", "invalid_answer"],
  handler: async ({ params: { questionId }, body, tenant, resource: survey }) => ({
    questionId,
    ...(await answer(tenant, survey, questionId, body.value)),
  }),
});
app.http("answerQuestion", answerQuestion);
