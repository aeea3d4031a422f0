import { type TemplateVersion, templateVersionKind } from "../templates/template.ts";
import type { Condition, Otherwise } from "../tenancy/change.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { Problem } from "../web/problem.ts";
import { type Survey, surveyKind } from "./survey.ts";

/** The survey that a guest's link is for; throws `not_found` once it is deleted. One point read. */
export async function guestSurvey(tenant: TenantScope, guest: { readonly surveyId: string }): Promise<Entity<Survey>> {
  const survey = await tenant.repository.get(surveyKind, guest.surveyId);
  if (survey.state === "deleting" || survey.state === "deleted") throw new Problem("not_found");
  return survey;
}

/** The published questions that the survey asks. One point read. */
export async function pinnedVersion(tenant: TenantScope, survey: Survey): Promise<Entity<TemplateVersion>> {
  const version = await tenant.repository.find(templateVersionKind, survey.templateVersionId);
  if (version === undefined) throw new Error("a survey's template version is missing");
  return version;
}

/**
 * Throws unless the guest may write now: `final` where the survey is over, `submitted` where the tenant has it, with
 * `consent` also `consent_required` until the guest agrees and after a withdrawal.
 */
export function demandWritable(survey: Survey, { consent }: { readonly consent: boolean }): void {
  const { state } = survey;
  if (state === "completed" || state === "cancelled" || state === "expired") throw new Problem("final");
  if (state === "changes_requested")
    throw new Problem("submitted", { detail: "Changes were requested: open the link again to make them" });
  if (state !== "in_progress") throw new Problem("submitted");
  if (consent && survey.consent?.accepted !== true) throw new Problem("consent_required");
}

/**
 * For the patch of a survey after {@link demandWritable}: it applies only if the same still holds. Whoever loses against
 * a submission, a cancellation or a withdrawal gets `conflict`, and the precise reason on the next try.
 */
export const whileWritable: { readonly condition: Condition; readonly otherwise: Otherwise } = {
  condition: { state: "in_progress", "consent.accepted": true },
  otherwise: { stale: "conflict" },
};
