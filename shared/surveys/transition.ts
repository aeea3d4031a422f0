import { Problem } from "../web/problem.ts";
import { type SurveyState, surveyTransitions } from "./survey.ts";

/** Throws `invalid_transition`, naming the states that may follow, unless `to` is one of them. */
export function demandTransition(from: SurveyState, to: SurveyState): void {
  const allowed = surveyTransitions[from];
  if (allowed.includes(to)) return;
  throw new Problem("invalid_transition", {
    detail: `A survey cannot go from ${from} to ${to}`,
    more: { from, allowed: [...allowed] },
  });
}
