import { Type } from "@sinclair/typebox";
import { now } from "../clock.ts";
import { Choice, List, type Static, Time, Whole, closed, optional } from "../schema.ts";
import { type BlobContainer } from "../storage/accounts.ts";
import { uploadGrant } from "../storage/grants.ts";
import { type Block, arrivedAt } from "../storage/stagedBlocks.ts";
import { Id, prefixes } from "../tenancy/ids.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { QuestionId } from "../templates/template.ts";
import { Problem, isProblem } from "../web/problem.ts";
import { blocksOf, maxBlocks } from "./blocks.ts";
import { renewed } from "./flight.ts";
import { type Video, blobNames, statesBefore, videoKind, videoStates } from "./video.ts";
import { Bytes, Progress, RejectionView, Retake, retakeOf } from "./videoView.ts";
import { progressOf } from "./workLease.ts";

/** Of 1 to 64 bytes, as storage takes them. */
const BlockId = Type.String({ pattern: "^[A-Za-z0-9+/]{2,86}={0,2}$", maxLength: 88, description: "Base64" });
export const BlockIds = List(BlockId, maxBlocks);

/** A guest's upload: where to send what is still missing, and what became of it. */
export const UploadView = closed({
  id: Id(prefixes.video),
  questionId: QuestionId,
  state: Choice(videoStates),
  upload: optional(
    closed(
      {
        url: Type.String({ maxLength: 2048, description: "Takes Put Block, or one Put Blob; neither reads nor lists" }),
        blockSize: Bytes,
        expiresAt: Time,
        sessionExpiresAt: Time,
      },
      "As long as bytes are wanted. Block ids are base64 of the block's place in five digits, from 00000",
    ),
  ),
  received: optional(List(closed({ id: BlockId, size: Bytes }), maxBlocks)),
  receivedBytes: optional(
    Whole(0, Number.MAX_SAFE_INTEGER, "Bytes that are there, in blocks or as a file sent at once"),
  ),
  progress: optional(Progress),
  rejection: optional(RejectionView),
  retake: optional(Retake),
});
export type UploadView = Static<typeof UploadView>;

/** What an upload is told by. */
export type UploadOf = Pick<
  Entity<Video>,
  "id" | "surveyId" | "questionId" | "state" | "upload" | "rejection" | "remarks"
>;

/** What a guest is told of an upload that asks for no more bytes. */
export function uploadView(video: UploadOf): UploadView {
  const { id, questionId, state, rejection } = video;
  const retake = retakeOf(video);
  return {
    id,
    questionId,
    state,
    ...(rejection !== undefined && { rejection }),
    ...(retake !== undefined && { retake }),
  };
}

/**
 * The upload with a fresh grant while bytes are wanted, and with what of it has arrived. Throws `session_expired`, and
 * `too_large` where more arrived than was declared: a grant cannot cap what is sent with it, so it is not renewed.
 */
export async function viewUpload(
  tenant: TenantScope,
  container: BlobContainer,
  video: Entity<Video>,
): Promise<UploadView> {
  if (video.state === "processing") return { ...uploadView(video), progress: await progressOf(tenant, video.id) };
  if (video.state === "upload_expired") throw new Problem("session_expired");
  if (video.state !== "awaiting_upload") return uploadView(video);
  demandSession(video);
  const { size, blockSize } = video.upload;
  const { staged, bytes } = await arrivedAt(container, blobNames(video.surveyId, video.id).incoming);
  if (bytes > size)
    throw new Problem("too_large", { detail: "More has arrived than was declared: cancel this upload and start anew" });
  const expected = new Map(blocksOf(size, blockSize).map((block) => [block.id, block.size]));
  // A block of another size than it should have is not listed: it is to be sent again.
  const received = staged.filter((block) => (expected.get(block.id) ?? block.size) === block.size).slice(0, maxBlocks);
  await noteRenewal(tenant, video, bytes);
  return await granted(container, video, { received, bytes });
}

/** The upload that has just begun, with its first grant: nothing of it can have arrived. */
export async function viewNewUpload(container: BlobContainer, video: UploadOf): Promise<UploadView> {
  return await granted(container, video, { received: [], bytes: 0 });
}

const grantMinutes = 60;

async function granted(
  container: BlobContainer,
  video: UploadOf,
  { received, bytes }: { readonly received: Block[]; readonly bytes: number },
): Promise<UploadView> {
  const { blockSize, expiresAt } = video.upload;
  const minutes = Math.min(grantMinutes, demandSession(video) / 60_000);
  const grant = await uploadGrant(container, blobNames(video.surveyId, video.id).incoming, { minutes });
  return {
    ...uploadView(video),
    state: bytes > 0 ? "uploading" : video.state,
    upload: { url: grant.url, blockSize, expiresAt: grant.expiresAt, sessionExpiresAt: expiresAt },
    received,
    receivedBytes: bytes,
  };
}

/** One small write for each renewal that the flight recorder keeps; none for a device that only asks. */
async function noteRenewal(tenant: TenantScope, video: Entity<Video>, receivedBytes: number): Promise<void> {
  const flight = renewed(video.flight ?? {}, video.createdAt, { at: now().toISOString(), receivedBytes });
  if (flight === undefined) return;
  try {
    const condition = { state: statesBefore("uploaded") };
    await tenant.change().patch(videoKind, video, { flight }, { condition, ifMatch: video.etag }).record();
  } catch (error) {
    // Another renewal came at the same time, and is kept.
    if (!isProblem(error, "stale")) throw error;
  }
}

/** Milliseconds until the upload session ends; throws `session_expired` when it has. */
export function demandSession({ upload }: Pick<Video, "upload">): number {
  const left = Date.parse(upload.expiresAt) - now().getTime();
  if (left <= 0) throw new Problem("session_expired");
  return left;
}
