import { expect, test } from "vitest";
import { Problem } from "../web/problem.ts";
import { surveyStates, surveyTransitions } from "./survey.ts";
import { demandTransition } from "./transition.ts";

test("exactly the transitions of the table are possible; a refusal names those that are", () => {
  for (const from of surveyStates)
    for (const to of surveyStates) {
      let refused: unknown;
      try {
        demandTransition(from, to);
      } catch (error) {
        refused = error;
      }
      if (surveyTransitions[from].includes(to)) expect(refused).toBeUndefined();
      else
        expect(refused).toMatchObject({
          code: "invalid_transition",
          details: { more: { from, allowed: surveyTransitions[from] } },
        });
      if (refused !== undefined) expect(refused).toBeInstanceOf(Problem);
    }
});

test("every survey can come to its end, and nothing but deletion leaves one", () => {
  for (const from of surveyStates) expect(reachable(from)).toContain("deleted");
  expect(surveyTransitions.completed).toEqual(["deleting"]);
  expect(surveyTransitions.cancelled).toEqual(["deleting"]);
  expect(surveyTransitions.deleted).toEqual([]);
});

function reachable(from: (typeof surveyStates)[number]): ReadonlySet<string> {
  const seen = new Set([from]);
  for (const state of seen) for (const next of surveyTransitions[state]) seen.add(next);
  return seen;
}
