import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { isProblem } from "../web/problem.ts";
import { type Survey, surveyKind } from "./survey.ts";

/** The guest came: an invited survey, or one to be changed, can be answered from now on. Otherwise nothing changes. */
export async function openSurvey(tenant: TenantScope, survey: Entity<Survey>): Promise<void> {
  const { id, state, openedAt } = survey;
  if (state !== "invited" && state !== "changes_requested") return;
  const change = tenant.change();
  const set = { state: "in_progress", ...(openedAt === undefined && { openedAt: change.at }) } as const;
  try {
    await change
      .patch(surveyKind, survey, set, { condition: { state }, otherwise: { stale: "conflict" } })
      .commit({ target: id, events: state === "invited" ? [{ type: "survey.opened", data: { surveyId: id } }] : [] });
  } catch (error) {
    // Opened twice at once, or decided on meanwhile: the session shows what became of it.
    if (!isProblem(error, "conflict")) throw error;
  }
}
