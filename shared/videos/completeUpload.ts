import { type Static, Whole, closed, optional } from "../schema.ts";
import { type BlobContainer } from "../storage/accounts.ts";
import { statBlob } from "../storage/blobs.ts";
import { tenantContainer } from "../storage/containers.ts";
import { StoragePreconditionFailed, StorageUnreadable } from "../storage/errors.ts";
import { arrivedAt, commitBlocks } from "../storage/stagedBlocks.ts";
import { demandWritable, guestSurvey } from "../surveys/guestAccess.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { Problem, isProblem } from "../web/problem.ts";
import { blocksOf } from "./blocks.ts";
import { Journal } from "./flight.ts";
import { announce } from "./manifest.ts";
import type { Recorder } from "./recorder.ts";
import { BlockIds, type UploadView, demandSession, uploadView } from "./uploadView.ts";
import { type Video, blobNames, statesBefore, videoKind } from "./video.ts";
import { videoOf } from "./videoOf.ts";

export const UploadCompletion = closed({
  size: Whole(1, Number.MAX_SAFE_INTEGER, "Bytes that were sent"),
  blocks: optional(BlockIds),
  journal: optional(Journal),
});
export type UploadCompletion = Static<typeof UploadCompletion>;

/**
 * Makes the video of what has arrived and hands it to processing: blocks are committed, then the state is changed, then
 * the manifest is written, and each step may be repeated. A lost manifest is written by a repeat or by the sweep. Throws
 * `missing_blocks`, `size_mismatch`, `session_expired`, `invalid_transition` and what `demandWritable` throws.
 */
export async function completeUpload(
  tenant: TenantScope,
  guest: Recorder,
  video: Entity<Video>,
  completion: UploadCompletion,
): Promise<UploadView> {
  if (video.state !== "awaiting_upload") return await completedBefore(tenant, video);
  demandWritable(await guestSurvey(tenant, guest), { consent: true });
  demandSession(video);
  if (completion.size !== video.upload.size)
    throw new Problem("size_mismatch", { detail: `${video.upload.size} bytes were declared` });
  const container = tenantContainer(tenant.tenantId, guest.tenant.account);
  const commit = await commitReadable(container, video, completion.blocks);
  const uploaded = await markUploaded(tenant, video, commit, completion.journal);
  if (uploaded === undefined) return await completedBefore(tenant, await videoOf(tenant, video.surveyId, video.id));
  await announce({ tenantId: tenant.tenantId, surveyId: video.surveyId, videoId: video.id });
  return uploaded;
}

/** The same answer to a repeat, which also mends a manifest that was never written. */
async function completedBefore(tenant: TenantScope, video: Entity<Video>): Promise<UploadView> {
  const { state, surveyId, id: videoId } = video;
  if (state === "upload_expired") throw new Problem("session_expired");
  if (["upload_cancelled", "deleting", "deleted", "delete_failed"].includes(state))
    throw new Problem("invalid_transition", { detail: "This video was cancelled", more: { from: state, allowed: [] } });
  if (state === "uploaded") await announce({ tenantId: tenant.tenantId, surveyId, videoId });
  return uploadView(video);
}

interface Commit {
  readonly etag: string;
  /** Of how many blocks it was made here. */
  readonly blocks?: number;
}

/** {@link commitUpload}, of what can be read by more than the device that sent it. */
async function commitReadable(container: BlobContainer, video: Entity<Video>, ids: readonly string[] | undefined) {
  try {
    return await commitUpload(container, video, ids);
  } catch (error) {
    if (!(error instanceof StorageUnreadable)) throw error;
    const detail =
      "It was sent archived, or encrypted with a key of its own: cancel this upload and send it without that";
    throw new Problem("size_mismatch", { detail });
  }
}

/** Leaves one committed blob of the declared size behind; all who do so at once are given the same version. */
async function commitUpload(
  container: BlobContainer,
  { surveyId, id, upload }: Entity<Video>,
  ids: readonly string[] | undefined,
): Promise<Commit> {
  const blobName = blobNames(surveyId, id).incoming;
  // Before the blocks: a commit by somebody else in between is noticed, whenever it comes.
  const before = await statBlob(container, blobName);
  const { staged } = await arrivedAt(container, blobName);
  const sizes = new Map(staged.map((block) => [block.id, block.size]));
  const wanted = ids ?? blocksOf(upload.size, upload.blockSize).map((block) => block.id);
  const missing = wanted.filter((block) => !sizes.has(block));
  const size = wanted.reduce((sum, block) => sum + (sizes.get(block) ?? 0), 0);
  if (missing.length === 0 && size === upload.size) {
    const condition = before === undefined ? ({ ifNoneMatch: "*" } as const) : { ifMatch: before.etag };
    try {
      const etag = await commitBlocks(container, blobName, wanted, { contentType: upload.contentType, ...condition });
      return { etag, blocks: wanted.length };
    } catch (error) {
      if (!(error instanceof StoragePreconditionFailed)) throw error;
    }
  }
  // Sent at once, or committed by the device or by a call of this that went no further or is as far.
  const committed = await statBlob(container, blobName);
  if (committed?.size === upload.size) return { etag: committed.etag };
  if (missing.length === 0 || (committed !== undefined && staged.length === 0))
    throw new Problem("size_mismatch", { detail: `${committed?.size ?? size} bytes have arrived` });
  throw new Problem("missing_blocks", { more: { missing } });
}

/** Undefined where somebody else was quicker. */
async function markUploaded(
  tenant: TenantScope,
  video: Entity<Video>,
  { etag: uploadEtag, blocks }: Commit,
  journal: Journal | undefined,
): Promise<UploadView | undefined> {
  const { id, surveyId, questionId } = video;
  const flight = {
    ...video.flight,
    ...(blocks !== undefined && { blocks }),
    ...(journal !== undefined && { journal }),
  };
  const change = tenant.change();
  change.patch(
    videoKind,
    video,
    { state: "uploaded", uploadedAt: change.at, uploadEtag, flight },
    { condition: { state: statesBefore("uploaded") } },
  );
  try {
    await change.commit({
      target: id,
      events: [{ type: "video.uploaded", data: { surveyId, videoId: id, questionId } }],
    });
  } catch (error) {
    if (isProblem(error, "stale")) return undefined;
    throw error;
  }
  return uploadView({ ...video, state: "uploaded" });
}
