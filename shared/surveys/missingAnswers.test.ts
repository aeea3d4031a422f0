import { expect, test } from "vitest";
import type { Question } from "../templates/template.ts";
import { videoStates } from "../videos/video.ts";
import { missingAnswers } from "./missingAnswers.ts";
import type { Survey } from "./survey.ts";

const questions: Question[] = [
  { id: "part", type: "section", label: "Part" },
  { id: "room", type: "video", label: "Room", required: true },
  { id: "constructor", type: "text", label: "Who built it?", required: true },
  { id: "lift", type: "boolean", label: "Lift", required: true },
  { id: "notes", type: "text", label: "Notes" },
];
const survey = (answers: Survey["answers"]): Survey => ({
  state: "in_progress",
  templateVersionId: "tpv_0",
  guest: { name: "Gerda" },
  answers,
  videoCount: 0,
});
const at = "2026-01-01T00:00:00.000Z";

test("required questions are missing until answered, in their order", () => {
  expect(missingAnswers(questions, survey({}), [])).toEqual(["room", "constructor", "lift"]);
  const answered = survey({ constructor: { value: "Ada", at }, lift: { value: false, at } });
  expect(missingAnswers(questions, answered, [])).toEqual(["room"]);
});

test("an answer taken back is missing again", () => {
  const taken = survey({ constructor: { value: null, at }, lift: { value: true, at } });
  expect(missingAnswers(questions, taken, [{ questionId: "room", state: "ready" }])).toEqual(["constructor"]);
});

test("a video counts once it has arrived, and no longer when it is refused or gone", () => {
  const answered = survey({ constructor: { value: "Ada", at }, lift: { value: true, at } });
  const enough = videoStates.filter(
    (state) => missingAnswers(questions, answered, [{ questionId: "room", state }]).length === 0,
  );
  expect(enough).toEqual(["uploaded", "processing", "ready", "processing_failed"]);
  expect(missingAnswers(questions, answered, [{ questionId: "other", state: "ready" }])).toEqual(["room"]);
});
