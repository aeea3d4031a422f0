import type { Question } from "../templates/template.ts";
import { Problem } from "../web/problem.ts";
import type { AnswerValue } from "./survey.ts";

/**
 * The value as the answer to the question; null where it takes an answer back, as empty text and an empty choice do too.
 * Throws `invalid_answer`, saying what the question takes.
 */
export function checkAnswer(question: Question, value: AnswerValue | null): AnswerValue | null {
  if (question.type === "section" || question.type === "video")
    throw new Problem("invalid_answer", {
      detail: question.type === "video" ? "This question is answered by a video" : "A section takes no answer",
    });
  if (value === null) return null;
  const wrong = faultOf(question, value);
  if (wrong !== undefined)
    throw new Problem("invalid_answer", { errors: [{ pointer: "/value", code: question.type, message: wrong }] });
  return isEmpty(value) ? null : value;
}

type Answerable = Exclude<Question, { type: "section" | "video" }>;

function faultOf(question: Answerable, value: AnswerValue): string | undefined {
  switch (question.type) {
    case "text": {
      if (typeof value !== "string") return "must be a text";
      const most = question.maxLength ?? Infinity;
      // Characters are counted as JSON Schema counts them: by code points.
      return Array.from(value).length > most ? `must not be longer than ${most} characters` : undefined;
    }
    case "number": {
      if (typeof value !== "number" || !Number.isFinite(value)) return "must be a number";
      const { minimum = -Infinity, maximum = Infinity } = question;
      if (value < minimum) return `must be at least ${minimum}`;
      return value > maximum ? `must be at most ${maximum}` : undefined;
    }
    case "choice":
      return choiceFault(question, value);
    case "boolean":
      return typeof value === "boolean" ? undefined : "must be true or false";
    case "date":
      return typeof value === "string" && isDate(value) ? undefined : "must be a date, YYYY-MM-DD";
  }
}

function choiceFault(question: Extract<Question, { type: "choice" }>, value: AnswerValue): string | undefined {
  if (question.multiple === true && typeof value !== "object") return "must be a list of options";
  if (question.multiple !== true && typeof value !== "string") return "must be one of the options";
  const chosen = typeof value === "object" ? value : [value];
  const options = new Set<AnswerValue>(question.options.map((option) => option.value));
  if (!chosen.every((each) => options.has(each))) return "must be among the options";
  return new Set(chosen).size < chosen.length ? "must not name an option twice" : undefined;
}

function isDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/u.test(text)) return false;
  const date = new Date(`${text}T00:00:00Z`);
  // The 30th of February becomes a day in March.
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

function isEmpty(value: AnswerValue): boolean {
  return typeof value === "object" ? value.length === 0 : typeof value === "string" && value.trim() === "";
}
