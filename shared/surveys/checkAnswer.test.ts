import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Question } from "../templates/template.ts";
import { isProblem } from "../web/problem.ts";
import { checkAnswer } from "./checkAnswer.ts";
import type { AnswerValue } from "./survey.ts";

const label = "Label";
const options = ["flat", "house", "castle"].map((value) => ({ value, label: value }));
const questions = {
  text: { id: "q", type: "text", label, maxLength: 5 },
  number: { id: "q", type: "number", label, minimum: -2, maximum: 60 },
  one: { id: "q", type: "choice", label, options },
  several: { id: "q", type: "choice", label, options, multiple: true },
  boolean: { id: "q", type: "boolean", label },
  date: { id: "q", type: "date", label },
  video: { id: "q", type: "video", label },
  section: { id: "q", type: "section", label },
} satisfies Record<string, Question>;

const refused = Symbol("refused");

function verdict(question: keyof typeof questions, value: AnswerValue | null): AnswerValue | null | typeof refused {
  try {
    return checkAnswer(questions[question], value);
  } catch (error) {
    if (isProblem(error, "invalid_answer")) return refused;
    throw error;
  }
}

describe("each type takes its own values and no others", () => {
  test.for<[keyof typeof questions, AnswerValue[], AnswerValue[]]>([
    ["text", ["a", "12345", "🏠🏠🏠🏠🏠"], ["123456", 1, true, ["a"]]],
    ["number", [-2, 0, 59.5, 60], [-3, 61, "1", true, [], Number.NaN]],
    ["one", ["flat"], ["tent", ["flat"], 1, true]],
    ["several", [["flat"], ["castle", "flat"]], [["tent"], ["flat", "flat"], "flat", 1]],
    ["boolean", [true, false], ["true", 0, []]],
    ["date", ["2024-02-29", "1999-12-31"], ["2023-02-29", "2024-13-01", "2024-1-1", "29.02.2024", 20240229]],
    ["video", [], ["a", 1, true, []]],
    ["section", [], ["a", 1, true, []]],
  ])("%s", ([question, taken, others]) => {
    for (const value of taken) expect(verdict(question, value)).toEqual(value);
    for (const value of others) expect(verdict(question, value)).toBe(refused);
  });
});

test("null, blank text and an empty choice take an answer back", () => {
  for (const question of ["text", "number", "one", "several", "boolean", "date"] as const)
    expect(verdict(question, null)).toBeNull();
  expect(verdict("text", "")).toBeNull();
  expect(verdict("text", " \n ")).toBeNull();
  expect(verdict("several", [])).toBeNull();
});

test("any value is stored as it is, taken back or refused, for any question", () => {
  const values = fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.array(fc.string()), fc.constant(null));
  const names = fc.constantFrom(...(Object.keys(questions) as (keyof typeof questions)[]));
  fc.assert(fc.property(names, values, (name, value) => [value, null, refused].includes(verdict(name, value))));
});

test("every day that exists is a date, as it is written", () => {
  fc.assert(
    fc.property(fc.date({ min: new Date("0001-01-01"), max: new Date("9999-12-31"), noInvalidDate: true }), (day) => {
      const text = day.toISOString().slice(0, 10);
      return verdict("date", text) === text;
    }),
  );
});
