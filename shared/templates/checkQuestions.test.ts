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
    "/2/minimum range",
    "/3/options/2/value duplicate",
  ]);
});

test("sections alone ask nothing", () => {
  const [error] = checkQuestions([{ id: "part", type: "section", label: "Part" }]);
  expect(error).toMatchObject({ pointer: "", code: "nothing_asked" });
});
