import { expect, test } from "vitest";
import { checkQuestions } from "./checkQuestions.ts";
import type { Question } from "./template.ts";

const text: Question = { id: "name", type: "text", label: "Name" };

test("questions that fit their schema and each other pass", () => {
  const questions: Question[] = [
    { id: "part", type: "section", label: "Part" },
    text,
    { id: "room", type: "video", label: "Room", minSeconds: 5, maxSeconds: 5 },
    { id: "floor", type: "number", label: "Floor", minimum: -2, maximum: 60 },
    { id: "old", type: "number", label: "Age", minimum: 18 },
  ];
  expect(checkQuestions(questions)).toEqual([]);
});

test("every fault is named, each at its place", () => {
  const questions: Question[] = [
    text,
    { id: "name", type: "video", label: "Room", minSeconds: 6, maxSeconds: 5 },
    { id: "lift", type: "video", label: "Lift", maxSeconds: 5, gates: { short: { action: "hint", seconds: 6 } } },
    { id: "floor", type: "number", label: "Floor", minimum: 1, maximum: 0 },
    {
      id: "kind",
      type: "choice",
      label: "Kind",
      options: [
        { value: "flat", label: "Flat" },
        { value: "house", label: "House" },
        { value: "flat", label: "Flat again" },
      ],
    },
  ];
  expect(checkQuestions(questions).map(({ pointer, code }) => `${pointer} ${code}`)).toEqual([
    "/1/id duplicate",
    "/1/minSeconds range",
    "/2/gates/short/seconds range",
    "/3/minimum range",
    "/4/options/2/value duplicate",
  ]);
});

test("sections alone ask nothing", () => {
  const [error] = checkQuestions([{ id: "part", type: "section", label: "Part" }]);
  expect(error).toMatchObject({ pointer: "", code: "nothing_asked" });
});

test("the texts of a survey fit one document of the database", () => {
  const texts = (count: number, maxLength?: number) =>
    Array.from({ length: count }, (_, at): Question => ({
      ...text,
      id: `q${at}`,
      ...(maxLength !== undefined && { maxLength }),
    }));
  expect(checkQuestions(texts(50))).toEqual([]);
  expect(checkQuestions(texts(100, 2_500))).toEqual([]);
  for (const questions of [texts(51), texts(100, 2_501)])
    expect(checkQuestions(questions)).toMatchObject([{ pointer: "", code: "too_much_text" }]);
});
