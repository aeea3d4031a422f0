import { Choice, List, type Static, Text, closed, optional } from "../schema.ts";
import { QuestionId } from "../templates/template.ts";
import type { EventType } from "../tenancy/fact.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { type FieldError, Problem } from "../web/problem.ts";
import { currentLink, unmoved } from "./currentLink.ts";
import { pinnedVersion } from "./guestAccess.ts";
import { linkKind } from "./link.ts";
import { type Survey, surveyKind } from "./survey.ts";
import { demandTransition } from "./transition.ts";

export const Decision = closed({
  to: Choice(["in_review", "completed", "changes_requested", "cancelled"]),
  reason: optional(
    Text(2_000, "For the guest: what is to be changed; with changes_requested only, and required there"),
  ),
  questionIds: optional(List(QuestionId, 100)),
});
export type Decision = Static<typeof Decision>;

const eventOf: Readonly<Record<Decision["to"], EventType | undefined>> = {
  in_review: undefined,
  changes_requested: "survey.changes_requested",
  completed: "survey.completed",
  cancelled: "survey.cancelled",
};

/**
 * Moves a survey on a member's decision; an end closes its link in the same change. Throws `invalid_transition` naming
 * what is possible, `invalid_request` for questions that the survey does not ask.
 */
export async function transitionSurvey(
  tenant: TenantScope,
  survey: Entity<Survey>,
  decision: Decision,
): Promise<Entity<Survey>> {
  const { to } = decision;
  demandTransition(survey.state, to);
  const changes = await changesOf(tenant, survey, decision);
  const over = to === "completed" || to === "cancelled";
  const link = over ? await currentLink(tenant, survey) : undefined;
  const set: Partial<Survey> = { state: to, ...(changes !== undefined && { changes }) };
  const change = tenant
    .change()
    .patch(surveyKind, survey, set, { condition: unmoved(survey), otherwise: { stale: "conflict" } });
  if (link !== undefined) change.patch(linkKind, link, { status: "closed", protectedToken: "" });
  const type = eventOf[to];
  const { id } = survey;
  const committed = await change.remember({ id }).commit({
    target: id,
    events: type === undefined ? [] : [{ type, data: { surveyId: id } }],
  });
  return { ...survey, ...set, updatedAt: committed.at, etag: committed.etag(id) };
}

async function changesOf(
  tenant: TenantScope,
  survey: Survey,
  { to, reason, questionIds = [] }: Decision,
): Promise<Survey["changes"]> {
  if (to !== "changes_requested") {
    if (reason !== undefined || questionIds.length > 0)
      throw invalid([{ pointer: "/to", code: "no_changes", message: "takes neither a reason nor questions" }]);
    return undefined;
  }
  if (reason === undefined || reason.trim() === "")
    throw invalid([{ pointer: "/reason", code: "required", message: "is required" }]);
  if (questionIds.length > 0) {
    const { questions } = await pinnedVersion(tenant, survey);
    const asked = new Set(questions.filter(({ type }) => type !== "section").map(({ id }) => id));
    const unknown = questionIds.flatMap((id, at) =>
      asked.has(id) ? [] : [{ pointer: `/questionIds/${at}`, code: "unknown", message: "is not asked by this survey" }],
    );
    if (unknown.length > 0) throw invalid(unknown);
  }
  return { reason, questionIds };
}

function invalid(errors: readonly FieldError[]): Problem {
  return new Problem("invalid_request", { errors });
}
