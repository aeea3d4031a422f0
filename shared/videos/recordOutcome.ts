import { draftId, draftKind } from "../evidence/draft.ts";
import type { Rejection } from "../media/rejection.ts";
import { pinnedVersion } from "../surveys/guestAccess.ts";
import { missingAnswers } from "../surveys/missingAnswers.ts";
import { type Survey, surveyKind } from "../surveys/survey.ts";
import type { Change } from "../tenancy/change.ts";
import type { Command, Event } from "../tenancy/fact.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { counters } from "../tenants/tenant.ts";
import { isProblem } from "../web/problem.ts";
import type { PreparedFiles } from "./prepareVideo.ts";
import type { Work } from "./processingLease.ts";
import { type Video, videoKind } from "./video.ts";
import { videosOf } from "./videoOf.ts";

/**
 * The video can be played; what it counts for the quota becomes what is stored. Its evidence is still to be sealed, which
 * does not hold it back. Ends the work.
 */
export async function recordReady(work: Work, { original, outputs, handling }: PreparedFiles): Promise<void> {
  const files = [original, outputs.video, outputs.poster, outputs.sprite];
  const countedBytes = files.reduce((sum, { size }) => sum + size, 0);
  const { id: videoId } = work.video;
  const change = work.tenant.change().create(draftKind, draftId(videoId), { videoId, ...handling });
  const set = { state: "ready", original, outputs, countedBytes } as const;
  const commands: Command[] = [{ queue: "seal-evidence", message: { videoId } }];
  await end(change, work, set, [event("video.ready", work.video)], commands);
}

/**
 * The video is refused, nothing of it is kept but malware in quarantine, and a survey that was submitted with it as the
 * answer to a required question goes back to the guest. Ends the work, and gives the state that it ends in.
 */
export async function recordRejected(work: Work, { code, remedy }: Rejection): Promise<"rejected" | "quarantined"> {
  const { tenant, video } = work;
  const state = code === "malware" ? "quarantined" : "rejected";
  for (let attempt = 1; ; attempt++) {
    const change = tenant.change();
    const events = [event("video.rejected", video, { code })];
    const survey = await tenant.repository.get(surveyKind, video.surveyId);
    // The survey moves with each of its videos that is refused, so that neither a submission nor another refusal at the
    // same time goes by what was true before.
    const together = { ifMatch: survey.etag, otherwise: { stale: "conflict" } } as const;
    if (await needsAnother(tenant, survey, video)) {
      const changes = { reason: remedy, questionIds: [video.questionId] };
      change.patch(surveyKind, survey, { state: "changes_requested", changes }, together);
      events.push({ type: "survey.changes_requested", data: { surveyId: survey.id } });
    } else change.patch(surveyKind, survey, {}, together);
    try {
      await end(change, work, { state, rejection: { code, remedy }, countedBytes: 0 }, events);
      return state;
    } catch (error) {
      if (!isProblem(error, "conflict") || attempt === 8) throw error;
    }
  }
}

/** No attempt succeeded, for reasons of ours: what was sent is kept for another one. Ends the work. */
export async function recordFailed(work: Work): Promise<void> {
  const events = [event("video.processing_failed", work.video)];
  await end(work.tenant.change(), work, { state: "processing_failed" }, events);
}

/** Exactly one attempt ends the work on a video: the one whose lease leaves with the change. */
export async function end(
  change: Change,
  work: Work,
  set: Partial<Video>,
  events: readonly Event[],
  commands: readonly Command[] = [],
): Promise<void> {
  const { video } = work;
  const lease = await work.end();
  change.patch(videoKind, video, set, { condition: { state: "processing" } }).remove(lease);
  const countedBytes = set.countedBytes ?? video.countedBytes;
  if (countedBytes !== video.countedBytes) change.count(counters.videoBytes, countedBytes - video.countedBytes);
  await change.commit({ target: video.id, events, commands });
}

function event(type: Event["type"], { id, surveyId, questionId }: Entity<Video>, more: Event["data"] = {}): Event {
  return { type, data: { surveyId, videoId: id, questionId, ...more } };
}

/** Whether the refused video leaves a submitted survey without the answer to a required question. */
async function needsAnother(tenant: TenantScope, survey: Entity<Survey>, video: Entity<Video>): Promise<boolean> {
  if (survey.state !== "submitted" && survey.state !== "in_review") return false;
  const { questions } = await pinnedVersion(tenant, survey);
  const others = (await videosOf(tenant, survey.id)).filter(({ id }) => id !== video.id);
  return missingAnswers(questions, survey, others).includes(video.questionId);
}
