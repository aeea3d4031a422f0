import type { BlobContainer } from "../storage/accounts.ts";
import { deleteBlob, statBlob } from "../storage/blobs.ts";
import { createContainer, quarantineContainer } from "../storage/containers.ts";
import { copyBlob } from "../storage/copyBlob.ts";
import { StorageNotFound } from "../storage/errors.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { type Video, type VideoState, blobNames, videoKind } from "./video.ts";
import { videosOf } from "./videoOf.ts";

/** After that a file in quarantine is deleted with its video. */
export const quarantineMs = 30 * 24 * 3_600_000;
/** Files of a survey that are kept there: enough for a look, and what no quota counts has an end. */
export const maxLocked = 5;

/**
 * Moves the original of a video that ended as quarantined to where no grant reaches, for those to look at who look into
 * attacks. May be repeated, and leaves nothing where the video is deleted meanwhile. The container is made with the first
 * such file: most tenants never have one. Where the survey has as many already, the file is deleted. One query.
 */
export async function lockAway(
  tenant: TenantScope,
  container: BlobContainer,
  video: Entity<Video>,
  end: VideoState,
): Promise<void> {
  if (end !== "quarantined") return;
  const { original } = blobNames(video.surveyId, video.id);
  const found = await statBlob(container, original);
  if (found === undefined) return;
  if ((await othersLocked(tenant, video)) < maxLocked) {
    const quarantine = quarantineContainer(tenant.tenantId, container.account);
    await createContainer(quarantine);
    const place = { container: quarantine, blobName: lockedName(video) };
    await copyBlob({ container, blobName: original, etag: found.etag }, place);
  }
  await deleteBlob(container, original);
  const { state } = await tenant.repository.get(videoKind, video.id);
  if (state !== end) await deleteLocked(tenant.tenantId, container, video);
}

/** The video has ended before this, so of several at once the last one counts all others. */
async function othersLocked(tenant: TenantScope, { id, surveyId }: Entity<Video>): Promise<number> {
  const videos = await videosOf(tenant, surveyId);
  return videos.filter((other) => other.id !== id && other.state === "quarantined").length;
}

/** Deletes what is locked away of the video, if anything is. */
export async function deleteLocked(tenantId: string, { account }: BlobContainer, video: Entity<Video>): Promise<void> {
  try {
    await deleteBlob(quarantineContainer(tenantId, account), lockedName(video));
  } catch (error) {
    // The tenant never had a file in quarantine.
    if (!(error instanceof StorageNotFound)) throw error;
  }
}

function lockedName({ surveyId, id }: Entity<Video>): string {
  return `${surveyId}/${id}`;
}
