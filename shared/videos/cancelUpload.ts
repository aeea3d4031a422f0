import { type BlobContainer } from "../storage/accounts.ts";
import { deleteBlob } from "../storage/blobs.ts";
import { tenantContainer } from "../storage/containers.ts";
import { discardStaged } from "../storage/stagedBlocks.ts";
import { demandWritable, guestSurvey } from "../surveys/guestAccess.ts";
import { surveyKind } from "../surveys/survey.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { counters } from "../tenants/tenant.ts";
import { Problem, isProblem } from "../web/problem.ts";
import { deleteVideo } from "./deleteVideo.ts";
import { withdraw } from "./manifest.ts";
import type { Recorder } from "./recorder.ts";
import { type Video, blobNames, statesBefore, videoKind } from "./video.ts";
import { videoOf } from "./videoOf.ts";

/**
 * Takes back a guest's recording: an upload is given up, a finished video deleted; its bytes leave the quota. A repeat
 * finishes what is left to remove. Throws `invalid_transition` while the video is being processed, `legal_hold` and what
 * `demandWritable` throws.
 */
export async function cancelUpload(tenant: TenantScope, guest: Recorder, read: Entity<Video>): Promise<void> {
  let video = read;
  for (let attempt = 1; ; attempt++) {
    try {
      await cancel(tenant, guest, video);
      return;
    } catch (error) {
      // The video went on meanwhile: it was cancelled twice at once, or completed, or processing took it.
      if (!isProblem(error, "stale")) throw error;
      if (attempt === tries) throw new Problem("conflict");
      video = await videoOf(tenant, read.surveyId, read.id);
    }
  }
}

const tries = 4;

async function cancel(tenant: TenantScope, guest: Recorder, video: Entity<Video>): Promise<void> {
  const container = tenantContainer(tenant.tenantId, guest.tenant.account);
  if (video.state === "deleted") return;
  if (video.state === "upload_cancelled" || video.state === "upload_expired") {
    await discardUpload(tenant.tenantId, container, video);
    return;
  }
  if (video.state === "deleting") {
    await deleteVideo(tenant, container, video);
    return;
  }
  const survey = await guestSurvey(tenant, guest);
  demandWritable(survey, { consent: false });
  // The survey moves with the video, so that a submission at the same time sees the one or is seen by the other.
  const change = tenant
    .change()
    .patch(surveyKind, survey, {}, { condition: { state: "in_progress" }, otherwise: { stale: "conflict" } });
  if (statesBefore("upload_cancelled").includes(video.state)) {
    await giveUp(tenant, video, "upload_cancelled", change);
    await discardUpload(tenant.tenantId, container, video);
  } else if (statesBefore("deleting").includes(video.state)) {
    await deleteVideo(tenant, container, video, change);
  } else {
    throw new Problem("invalid_transition", {
      detail: "The video is being processed: try again in a moment",
      more: { from: video.state, allowed: [] },
      retryAfter: 10,
    });
  }
}

/**
 * Ends an upload without a video; its bytes leave the quota. Throws `stale` where it went on meanwhile. `change` may begin
 * with what must hold for that.
 */
export async function giveUp(
  tenant: TenantScope,
  video: Entity<Video>,
  state: "upload_cancelled" | "upload_expired",
  change = tenant.change(),
): Promise<void> {
  const { countedBytes } = video;
  await change
    .patch(videoKind, video, { state, countedBytes: 0 }, { condition: { state: statesBefore(state), countedBytes } })
    .count(counters.videoBytes, -countedBytes)
    .commit({ target: video.id });
}

/** Removes what a device has sent, staged or committed, and the manifest if there is one. */
export async function discardUpload(
  tenantId: string,
  container: BlobContainer,
  { surveyId, id: videoId }: Pick<Entity<Video>, "surveyId" | "id">,
): Promise<void> {
  const blobName = blobNames(surveyId, videoId).incoming;
  await deleteBlob(container, blobName);
  await discardStaged(container, blobName);
  await withdraw({ tenantId, surveyId, videoId });
}
