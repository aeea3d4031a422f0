import type { FieldError } from "../web/problem.ts";
import { type Question, longestText } from "./template.ts";

/** Characters of all texts of a survey: at four bytes each, half of what the database stores as one document. */
const maxCharacters = 250_000;

/** Everything that is wrong with the questions although each fits its schema; pointers start at the list itself. */
export function checkQuestions(questions: readonly Question[]): FieldError[] {
  const errors = [
    ...repeated(questions, ({ id }) => id, "id"),
    ...questions.flatMap((question, at) => checkQuestion(question).map((error) => within(error, `/${at}`))),
  ];
  if (questions.every(({ type }) => type === "section"))
    errors.push({ pointer: "", code: "nothing_asked", message: "has no question that takes an answer" });
  if (characters(questions) > maxCharacters)
    errors.push({
      pointer: "",
      code: "too_much_text",
      message: `can be answered by more than ${maxCharacters} characters in all: give text questions a maxLength`,
    });
  return errors;
}

function characters(questions: readonly Question[]): number {
  return questions.reduce(
    (sum, question) => sum + (question.type === "text" ? (question.maxLength ?? longestText) : 0),
    0,
  );
}

function checkQuestion(question: Question): FieldError[] {
  switch (question.type) {
    case "video":
      return [
        ...inOrder(question.minSeconds, question.maxSeconds, "minSeconds", "maxSeconds"),
        ...inOrder(question.gates?.short?.seconds, question.maxSeconds, "gates/short/seconds", "maxSeconds"),
      ];
    case "number":
      return inOrder(question.minimum, question.maximum, "minimum", "maximum");
    case "choice":
      return repeated(question.options, ({ value }) => value, "value").map((error) => within(error, "/options"));
    default:
      return [];
  }
}

function inOrder(least: number | undefined, most: number | undefined, lower: string, upper: string): FieldError[] {
  if (least === undefined || most === undefined || least <= most) return [];
  return [{ pointer: `/${lower}`, code: "range", message: `must not be more than ${upper}` }];
}

function repeated<T>(items: readonly T[], keyOf: (item: T) => string, member: string): FieldError[] {
  const keys = items.map(keyOf);
  return keys.flatMap((key, at) =>
    keys.indexOf(key) < at
      ? [{ pointer: `/${at}/${member}`, code: "duplicate", message: "is used by an earlier entry" }]
      : [],
  );
}

function within(error: FieldError, pointer: string): FieldError {
  return { ...error, pointer: pointer + error.pointer };
}
