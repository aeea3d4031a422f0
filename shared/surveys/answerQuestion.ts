import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { Problem } from "../web/problem.ts";
import { checkAnswer } from "./checkAnswer.ts";
import { demandWritable, pinnedVersion, whileWritable } from "./guestAccess.ts";
import type { AnswerValue, Survey } from "./survey.ts";

/**
 * Stores one answer, whatever happens to the others at the same time; gives it as stored. Throws `not_found` where the
 * survey has no such question, `invalid_answer`, and what `demandWritable` throws.
 */
export async function answerQuestion(
  tenant: TenantScope,
  survey: Entity<Survey>,
  questionId: string,
  value: AnswerValue | null,
): Promise<{ readonly value: AnswerValue | null; readonly at: string }> {
  demandWritable(survey, { consent: true });
  const { questions } = await pinnedVersion(tenant, survey);
  const question = questions.find(({ id }) => id === questionId);
  if (question === undefined) throw new Problem("not_found");
  const change = tenant.change();
  const answer = { value: checkAnswer(question, value), at: change.at };
  await change.patchEntry(survey, "answers", questionId, answer, whileWritable).commit({ target: survey.id });
  return answer;
}
