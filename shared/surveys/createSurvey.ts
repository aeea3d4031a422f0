import { type Static, Time, closed, optional } from "../schema.ts";
import { memberKind } from "../members/member.ts";
import { templateVersionKind } from "../templates/template.ts";
import { DerivedId, Id, newId, prefixes } from "../tenancy/ids.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { counters } from "../tenants/tenant.ts";
import { utc } from "../utc.ts";
import { Problem, invalidField } from "../web/problem.ts";
import type { Viewer } from "./access.ts";
import { type Survey, externalRefReservation, surveyKind } from "./survey.ts";
import { ExternalRef, GuestContact } from "./surveyView.ts";

export const NewSurvey = closed({
  templateVersionId: Id(prefixes.templateVersion),
  guest: GuestContact,
  externalRef: optional(ExternalRef),
  assigneeId: optional(DerivedId("mbr")),
  dueAt: optional(Time),
});
export type NewSurvey = Static<typeof NewSurvey>;

/**
 * Creates a survey. Who sees only assigned surveys assigns to themselves, and may name nobody else (`forbidden`). Throws
 * `invalid_request` for a version or an assignee that the tenant does not have, `duplicate_ref` and `quota_exceeded`.
 */
export async function createSurvey(
  tenant: TenantScope,
  viewer: Viewer,
  { templateVersionId, guest, externalRef, dueAt, ...request }: NewSurvey,
  quota: number,
): Promise<Entity<Survey>> {
  const assigneeId = viewer.assignedOnly ? viewer.id : request.assigneeId;
  if (viewer.assignedOnly && (request.assigneeId ?? viewer.id) !== viewer.id)
    throw new Problem("forbidden", { detail: "You can assign surveys to yourself only" });
  await Promise.all([
    demandVersion(tenant, templateVersionId),
    ...(assigneeId === undefined || assigneeId === viewer.id ? [] : [demandAssignee(tenant, assigneeId)]),
  ]);
  const id = newId(prefixes.survey);
  const survey: Survey = {
    state: "draft",
    templateVersionId,
    guest,
    ...(externalRef !== undefined && { externalRef }),
    ...(assigneeId !== undefined && { assigneeId }),
    ...(dueAt !== undefined && { dueAt: utc(dueAt, "/dueAt") }),
    answers: {},
    videoCount: 0,
  };
  const change = tenant
    .change()
    .create(surveyKind, id, survey)
    .count(counters.surveys, 1, { atMost: quota, beyond: "quota_exceeded" })
    .remember({ id });
  if (externalRef !== undefined) change.reserve(externalRefReservation, externalRef, id, "duplicate_ref");
  const committed = await change.commit({ target: id, events: [{ type: "survey.created", data: { surveyId: id } }] });
  return { ...survey, id, createdAt: committed.at, updatedAt: committed.at, etag: committed.etag(id) };
}

async function demandVersion(tenant: TenantScope, id: string): Promise<void> {
  if ((await tenant.repository.find(templateVersionKind, id)) === undefined) throw unknown("/templateVersionId");
}

async function demandAssignee(tenant: TenantScope, id: string): Promise<void> {
  const member = await tenant.repository.find(memberKind, id);
  if (member?.status !== "active" || member.role === "auditor") throw unknown("/assigneeId");
}

function unknown(pointer: string): Problem {
  return invalidField(pointer, "unknown", "names nothing to use here");
}
