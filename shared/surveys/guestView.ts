import { Type } from "@sinclair/typebox";
import { Choice, List, Name, type Static, Time, closed, optional } from "../schema.ts";
import { QuestionId, Questions, type TemplateVersion, questionsView } from "../templates/template.ts";
import { Id, prefixes } from "../tenancy/ids.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { Tenant } from "../tenants/tenant.ts";
import { Branding, consentText } from "../tenants/tenantView.ts";
import type { Video } from "../videos/video.ts";
import { VideoView, guestVideoView } from "../videos/videoView.ts";
import { AnswersView, answersView } from "./answers.ts";
import { missingAnswers } from "./missingAnswers.ts";
import { type Survey, surveyStates } from "./survey.ts";
import { ChangesRequested, ReceiptCode, changesView, standing } from "./surveyView.ts";

export const consentStates = ["none", "given", "withdrawn"] as const;

/** Everything that the page behind a guest's link shows. */
export const GuestSurveyView = closed({
  id: Id(prefixes.survey),
  state: Choice(surveyStates),
  readOnly: Type.Boolean({ description: "Whether answers and videos are refused in this state" }),
  title: Name,
  guestName: Name,
  dueAt: optional(Time),
  branding: Branding,
  consent: closed({ ...consentText, state: Choice(consentStates) }),
  questions: Questions,
  answers: AnswersView,
  videos: List(VideoView, 1_000),
  missing: List(QuestionId, 100),
  changes: optional(ChangesRequested),
  submittedAt: optional(Time),
  receiptCode: optional(ReceiptCode),
});
export type GuestSurveyView = Static<typeof GuestSurveyView>;

export function guestView(
  tenant: Tenant,
  survey: Entity<Survey>,
  version: TemplateVersion,
  videos: readonly Entity<Video>[],
): GuestSurveyView {
  const { id, state, guest, dueAt, submittedAt, receiptCode } = survey;
  return {
    id,
    state,
    readOnly: state !== "in_progress",
    title: version.name,
    guestName: guest.name,
    ...(dueAt !== undefined && { dueAt }),
    branding: tenant.branding,
    consent: { ...tenant.consentText, state: consentState(survey.consent) },
    questions: questionsView(version.questions),
    answers: answersView(survey),
    videos: standing(videos).map(guestVideoView),
    missing: missingAnswers(version.questions, survey, videos),
    ...changesView(survey),
    ...(submittedAt !== undefined && { submittedAt }),
    ...(receiptCode !== undefined && { receiptCode }),
  };
}

export function consentState(consent: Survey["consent"]): (typeof consentStates)[number] {
  if (consent === undefined) return "none";
  return consent.accepted ? "given" : "withdrawn";
}
