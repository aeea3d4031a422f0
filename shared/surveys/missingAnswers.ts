import type { Question } from "../templates/template.ts";
import type { Video, VideoState } from "../videos/video.ts";
import { answerTo } from "./answers.ts";
import type { Survey } from "./survey.ts";

/** A video that the guest need not send again: whether it can be shown is for processing to tell, later or once more. */
export const received: readonly VideoState[] = ["uploaded", "processing", "processing_failed", "ready"];

/** Ids of the required questions that a guest has not answered yet, in the order in which they are asked. */
export function missingAnswers(
  questions: readonly Question[],
  survey: Survey,
  videos: readonly Pick<Video, "questionId" | "state">[],
): string[] {
  const filmed = new Set(videos.filter(({ state }) => received.includes(state)).map(({ questionId }) => questionId));
  return questions.flatMap((question) => {
    if (question.type === "section" || question.required !== true) return [];
    const answered = question.type === "video" ? filmed.has(question.id) : answerTo(survey, question.id) !== undefined;
    return answered ? [] : [question.id];
  });
}
