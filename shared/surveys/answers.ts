import { Type } from "@sinclair/typebox";
import { Decimal, Text, Time, closed } from "../schema.ts";
import { QuestionId, longestText } from "../templates/template.ts";
import type { AnswerValue, Survey } from "./survey.ts";

const { minimum, maximum } = Decimal;
const bounds = { ...Text(longestText), minimum, maximum, items: QuestionId, maxItems: 50 };

/** An answer of any type; null takes one back. One schema of several types, so that a fault says what is wrong. */
export const AnswerInput = Type.Unsafe<AnswerValue | null>({
  ...bounds,
  type: ["string", "number", "boolean", "array", "null"],
});

const Answer = closed({
  value: Type.Unsafe<AnswerValue>({ ...bounds, type: ["string", "number", "boolean", "array"] }),
  at: Time,
});

export const AnswersView = Type.Record(QuestionId, Answer, {
  additionalProperties: false,
  maxProperties: 100,
  description: "Answers by question id",
});

/** The answer to a question, or undefined where there is none (any more). */
export function answerTo(survey: Survey, questionId: string): AnswerValue | undefined {
  // A question may be called `constructor`: only own members are answers.
  if (!Object.hasOwn(survey.answers, questionId)) return undefined;
  return survey.answers[questionId]?.value ?? undefined;
}

/** The answers that stand, without those taken back. */
export function answersView({ answers }: Survey): Record<string, { value: AnswerValue; at: string }> {
  const standing = Object.entries(answers).flatMap(([id, { value, at }]) =>
    value === null ? [] : [[id, { value, at }] as const],
  );
  return Object.fromEntries(standing);
}
