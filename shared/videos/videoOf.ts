import { pinnedVersion } from "../surveys/guestAccess.ts";
import { surveyKind } from "../surveys/survey.ts";
import type { Question } from "../templates/template.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { Problem } from "../web/problem.ts";
import { type Video, videoKind } from "./video.ts";

/** A video of the survey; throws `not_found` alike for one of another survey and for none. One point read. */
export async function videoOf(tenant: TenantScope, surveyId: string, videoId: string): Promise<Entity<Video>> {
  const video = await tenant.repository.get(videoKind, videoId);
  if (video.surveyId !== surveyId) throw new Problem("not_found");
  return video;
}

/** The question that the video answers. Two point reads. */
export async function questionOf(tenant: TenantScope, video: Video): Promise<Extract<Question, { type: "video" }>> {
  const survey = await tenant.repository.get(surveyKind, video.surveyId);
  const { questions } = await pinnedVersion(tenant, survey);
  const question = questions.find(({ id }) => id === video.questionId);
  if (question?.type !== "video") throw new Error("a video of a question that takes none");
  return question;
}

/** All videos of the survey, in the order in which they were started. One query. */
export async function videosOf(tenant: TenantScope, surveyId: string): Promise<readonly Entity<Video>[]> {
  return await tenant.repository.findRelated(videoKind, "surveyId", surveyId);
}
