import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { Problem } from "../web/problem.ts";
import { type Survey, surveyKind } from "./survey.ts";

/** Whoever looks at surveys; a member as `shared/auth` knows them is one. */
export interface Viewer {
  readonly id: string;
  /** Whether surveys that are not assigned to this viewer are out of sight. */
  readonly assignedOnly: boolean;
  /** The only survey in sight, where a grant is for one. */
  readonly surveyId?: string;
}

/** The survey, if the viewer may see it; throws `not_found` alike where there is none. One point read. */
export async function visibleSurvey(tenant: TenantScope, viewer: Viewer, surveyId: string): Promise<Entity<Survey>> {
  if (viewer.surveyId !== undefined && viewer.surveyId !== surveyId) throw new Problem("not_found");
  const survey = await tenant.repository.get(surveyKind, surveyId);
  if (viewer.assignedOnly && survey.assigneeId !== viewer.id) throw new Problem("not_found");
  return survey;
}
