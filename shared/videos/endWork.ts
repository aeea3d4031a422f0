import { type Survey, surveyKind } from "../surveys/survey.ts";
import type { Change } from "../tenancy/change.ts";
import type { Command, Event } from "../tenancy/fact.ts";
import type { Entity } from "../tenancy/kind.ts";
import { counters } from "../tenants/tenant.ts";
import { isProblem } from "../web/problem.ts";
import { type Video, videoKind } from "./video.ts";
import type { Work } from "./workLease.ts";

/** Exactly one attempt ends a step of a video: the one whose lease leaves with the change. */
export async function end(
  change: Change,
  work: Work,
  set: Partial<Video>,
  events: readonly Event[],
  commands: readonly Command[] = [],
): Promise<void> {
  const { video, step } = work;
  const lease = await work.end();
  change.patch(videoKind, video, set, { condition: step.during }).remove(lease);
  const countedBytes = set.countedBytes ?? video.countedBytes;
  if (countedBytes !== video.countedBytes) change.count(counters.videoBytes, countedBytes - video.countedBytes);
  await change.commit({ target: video.id, events, commands });
}

/** What an end makes of the video, and what the guest is asked for because of it, if anything. */
export interface Ending {
  readonly set: Partial<Video>;
  readonly request?: string;
}

/** Ends the work by what the survey says at that moment. */
export async function endWithSurvey(
  work: Work,
  happened: Event,
  endingFor: (survey: Entity<Survey>) => Promise<Ending>,
): Promise<void> {
  await changeWithSurvey(work, happened, endingFor, (change, set, events) => end(change, work, set, events));
}

/**
 * Changes a video by what its survey says at that moment, as `commit` does it; one with a request for the guest goes back to
 * them, with the request as its reason.
 */
export async function changeWithSurvey(
  { tenant, video }: Pick<Work, "tenant" | "video">,
  happened: Event,
  endingFor: (survey: Entity<Survey>) => Promise<Ending>,
  commit: (change: Change, set: Partial<Video>, events: readonly Event[]) => Promise<void>,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const change = tenant.change();
    const events = [happened];
    const survey = await tenant.repository.get(surveyKind, video.surveyId);
    const { set, request } = await endingFor(survey);
    // The survey moves with each of its videos that ends so, so that neither a submission nor another of them at the same
    // time goes by what was true before.
    const together = { ifMatch: survey.etag, otherwise: { stale: "conflict" } } as const;
    if (request !== undefined) {
      const changes = { reason: request, questionIds: [video.questionId] };
      change.patch(surveyKind, survey, { state: "changes_requested", changes }, together);
      events.push({ type: "survey.changes_requested", data: { surveyId: survey.id } });
    } else change.patch(surveyKind, survey, {}, together);
    try {
      await commit(change, set, events);
      return;
    } catch (error) {
      if (!isProblem(error, "conflict") || attempt === 8) throw error;
    }
  }
}

/** An event about the video. */
export function event(
  type: Event["type"],
  { id, surveyId, questionId }: Entity<Video>,
  more: Event["data"] = {},
): Event {
  return { type, data: { surveyId, videoId: id, questionId, ...more } };
}

/** Whether the tenant has the survey and has not decided on it. */
export function isHandedIn({ state }: Survey): boolean {
  return state === "submitted" || state === "in_review";
}
