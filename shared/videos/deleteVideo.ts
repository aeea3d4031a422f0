import { type BlobContainer } from "../storage/accounts.ts";
import { deleteBlob } from "../storage/blobs.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { counters } from "../tenants/tenant.ts";
import { Problem } from "../web/problem.ts";
import { deleteLocked } from "./quarantine.ts";
import { type Video, blobNames, statesBefore, videoKind } from "./video.ts";

/**
 * Deletes a video: first it is out of sight, then its files go, then its bytes leave the quota. A repeat goes on where
 * the last one ended. Throws `legal_hold`, and `stale` where somebody else changes the video. `change` may begin with what
 * must hold for the deletion to begin.
 */
export async function deleteVideo(
  tenant: TenantScope,
  container: BlobContainer,
  video: Entity<Video>,
  change = tenant.change(),
): Promise<void> {
  const { id, surveyId, questionId, countedBytes, analysisState, analysis } = video;
  if (video.legalHold) throw new Problem("legal_hold");
  if (video.state !== "deleting")
    await change
      .patch(
        videoKind,
        video,
        { state: "deleting" },
        {
          condition: {
            ...{ state: statesBefore("deleting"), legalHold: false, countedBytes },
            // What follows `ready` may have ended since the video was read; later it finds the video gone.
            ...(analysisState !== undefined && { analysisState }),
          },
        },
      )
      .commit({ target: id });
  for (const blobName of Object.values(blobNames(surveyId, id))) await deleteBlob(container, blobName);
  if (video.rejection?.code === "malware") await deleteLocked(tenant.tenantId, container, video);
  await tenant
    .change()
    .patch(
      videoKind,
      video,
      // A waveform tells of the recording, which is to be gone.
      { state: "deleted", countedBytes: 0, ...(analysis !== undefined && { analysis: undefined }) },
      { condition: { state: "deleting", countedBytes } },
    )
    .count(counters.videoBytes, -countedBytes)
    .commit({ target: id, events: [{ type: "video.deleted", data: { surveyId, videoId: id, questionId } }] });
}
