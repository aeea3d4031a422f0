import { Type } from "@sinclair/typebox";
import {
  Choice,
  Email,
  Line,
  List,
  Locale,
  Name,
  Phone,
  type Static,
  Text,
  Time,
  Whole,
  closed,
  optional,
} from "../schema.ts";
import { QuestionId } from "../templates/template.ts";
import { DerivedId, Id, prefixes } from "../tenancy/ids.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { Video, VideoState } from "../videos/video.ts";
import { VideoView, videoView } from "../videos/videoView.ts";
import { AnswersView, answersView } from "./answers.ts";
import { type Survey, surveyStates } from "./survey.ts";

export const GuestContact = closed({
  name: Name,
  email: optional(Email),
  phone: optional(Phone),
  locale: optional(Locale),
});
export const ExternalRef = Line(100, "The tenant's own name for the survey, unique in the tenant");
export const ChangesRequested = closed({ reason: Text(2_000), questionIds: List(QuestionId, 100) });

export const ReceiptCode = Line(40, "Given to the guest on submission");

const own = {
  id: Id(prefixes.survey),
  state: Choice(surveyStates),
  templateVersionId: Id(prefixes.templateVersion),
  guest: GuestContact,
  externalRef: optional(ExternalRef),
  assigneeId: optional(DerivedId("mbr")),
  dueAt: optional(Time),
  openedAt: optional(Time),
  consent: optional(
    closed(
      { version: Whole(1, 1_000_000), accepted: Type.Boolean(), at: Time, locale: Locale },
      "What the guest said last",
    ),
  ),
  changes: optional(ChangesRequested),
  submittedAt: optional(Time),
  receiptCode: optional(ReceiptCode),
  createdAt: Time,
  updatedAt: Time,
};

/** A survey without what the guest answered: in lists, and as the answer to changes of it. */
export const SurveyItem = closed(own);
export type SurveyItem = Static<typeof SurveyItem>;

export function surveyItem(survey: Omit<Entity<Survey>, "etag">): SurveyItem {
  const { changes, ...fields } = survey;
  return { ...fields, ...changesView(survey) };
}

export function changesView({ changes }: Pick<Survey, "changes">): { changes?: Static<typeof ChangesRequested> } {
  return changes === undefined ? {} : { changes: { reason: changes.reason, questionIds: [...changes.questionIds] } };
}

/** A survey with everything that the guest gave. */
export const SurveyView = closed({
  ...own,
  answers: AnswersView,
  videos: List(VideoView, 1_000),
});
export type SurveyView = Static<typeof SurveyView>;

export function surveyView(survey: Entity<Survey>, videos: readonly Entity<Video>[]): SurveyView {
  return {
    ...surveyItem(survey),
    answers: answersView(survey),
    videos: standing(videos).map((video) => videoView(video)),
  };
}

const gone: readonly VideoState[] = ["upload_cancelled", "deleting", "deleted"];

/** The videos that still are the guest's answer, rejected ones included. */
export function standing(videos: readonly Entity<Video>[]): readonly Entity<Video>[] {
  return videos.filter(({ state }) => !gone.includes(state));
}
