import { draftId, draftKind } from "../evidence/draft.ts";
import type { Rejection } from "../media/rejection.ts";
import { pinnedVersion } from "../surveys/guestAccess.ts";
import { missingAnswers } from "../surveys/missingAnswers.ts";
import type { Survey } from "../surveys/survey.ts";
import type { Command } from "../tenancy/fact.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { isProblem } from "../web/problem.ts";
import { type Ending, end, endWithSurvey, event, isHandedIn } from "./endWork.ts";
import { unlessMalware } from "./malwareGate.ts";
import type { PreparedFiles } from "./prepareVideo.ts";
import type { Video } from "./video.ts";
import { videosOf } from "./videoOf.ts";
import type { Work } from "./workLease.ts";

/**
 * The video can be played; what it counts for the quota becomes what is stored. Its evidence is still to be sealed, which
 * does not hold it back. Ends the work. Throws Rejection where a scanner has found malware in it meanwhile.
 */
export async function recordReady(work: Work, { original, outputs, handling }: PreparedFiles): Promise<void> {
  const files = [original, outputs.video, outputs.poster, outputs.sprite];
  const countedBytes = files.reduce((sum, { size }) => sum + size, 0);
  const { id: videoId } = work.video;
  const analysis = { analysisState: "waiting", analysisAttempts: 0 } as const;
  const set: Partial<Video> = { state: "ready", original, outputs, countedBytes, ...analysis };
  const commands: Command[] = [
    { queue: "seal-evidence", message: { videoId } },
    { queue: "analyse-video", message: { videoId } },
  ];
  for (let attempt = 1; ; attempt++) {
    const change = work.tenant.change().create(draftKind, draftId(videoId), { videoId, ...handling });
    await unlessMalware(work, handling.etags.original, change);
    try {
      await end(change, work, set, [event("video.ready", work.video)], commands);
      return;
    } catch (error) {
      // A verdict came in this moment.
      if (!isProblem(error, "conflict") || attempt === 4) throw error;
    }
  }
}

/**
 * The video is refused, nothing of it is kept but malware in quarantine, and a survey that was submitted with it as the
 * answer to a required question goes back to the guest. Ends the work, and gives the state that it ends in.
 */
export async function recordRejected(work: Work, { code, remedy }: Rejection): Promise<"rejected" | "quarantined"> {
  const { tenant, video } = work;
  const state = code === "malware" ? "quarantined" : "rejected";
  const happened = event("video.rejected", video, { code });
  await endWithSurvey(work, happened, (survey) =>
    refusal(tenant, survey, video, { state, rejection: { code, remedy } }),
  );
  return state;
}

/** The end of a video that is refused. */
export async function refusal(
  tenant: TenantScope,
  survey: Entity<Survey>,
  video: Entity<Video>,
  { state, rejection }: Required<Pick<Video, "state" | "rejection">>,
): Promise<Ending> {
  const request = (await needsAnother(tenant, survey, video)) && { request: rejection.remedy };
  return { set: { state, rejection, countedBytes: 0 }, ...request };
}

/** No attempt succeeded, for reasons of ours: what was sent is kept for another one. Ends the work. */
export async function recordFailed(work: Work): Promise<void> {
  const events = [event("video.processing_failed", work.video)];
  await end(work.tenant.change(), work, { state: "processing_failed" }, events);
}

/** Whether the refused video leaves a submitted survey without the answer to a required question. */
async function needsAnother(tenant: TenantScope, survey: Entity<Survey>, video: Entity<Video>): Promise<boolean> {
  if (!isHandedIn(survey)) return false;
  const { questions } = await pinnedVersion(tenant, survey);
  const others = (await videosOf(tenant, survey.id)).filter(({ id }) => id !== video.id);
  return missingAnswers(questions, survey, others).includes(video.questionId);
}
