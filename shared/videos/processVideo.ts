import { type MediaLimits, defaultLimits } from "../media/limits.ts";
import { type BlobContainer } from "../storage/accounts.ts";
import { deleteBlob } from "../storage/blobs.ts";
import { tenantContainer } from "../storage/containers.ts";
import type { Entity } from "../tenancy/kind.ts";
import { LeaseLost } from "../tenancy/lease.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { tenantKind } from "../tenants/tenant.ts";
import { isDue, maxScannedBytes } from "./malwareGate.ts";
import { withdraw } from "./manifest.ts";
import { UploadMissing, prepareVideo } from "./prepareVideo.ts";
import { lockAway } from "./quarantine.ts";
import { recordFailed, recordReady } from "./recordOutcome.ts";
import { recordUnmade } from "./recordUnmade.ts";
import { type Work, claim, freeLease, processing } from "./workLease.ts";
import { type Video, type VideoState, blobNames, videoKind } from "./video.ts";
import { questionOf } from "./videoOf.ts";
import { inWorkFolder, removeDeadFolders } from "./workFolder.ts";

const maxAttempts = 5;

/**
 * What came of a delivery: `waiting` for the malware gate's verdict, `idle` where there was nothing to do, or somebody else
 * does it.
 */
export type Outcome = "ready" | "rejected" | "quarantined" | "processing_failed" | "waiting" | "idle";

/**
 * Processes an uploaded video, or removes what was left of one that is processed. May be delivered any number of times, at
 * once and after any crash: a lease lets one work at a time, every step can be repeated, and one change ends it. Throws
 * what may go better next time, after the lease was set to end soon; the fifth failure is final.
 */
export async function processVideo(tenant: TenantScope, surveyId: string, videoId: string): Promise<Outcome> {
  const lease = await freeLease(tenant, processing, videoId);
  if (lease === "busy") return "idle";
  const video = await tenant.repository.find(videoKind, videoId);
  if (video?.surveyId !== surveyId) {
    await withdraw({ tenantId: tenant.tenantId, surveyId, videoId });
    return "idle";
  }
  if (video.state === "awaiting_upload") return "idle";
  const { account } = await tenant.repository.get(tenantKind, tenant.tenantId);
  const container = tenantContainer(tenant.tenantId, account);
  if (video.state !== "uploaded" && video.state !== "processing") {
    await tidy(tenant, container, video, video.state);
    return "idle";
  }
  if (!(await isDue(tenant, video))) return "idle";
  const work = await claim(tenant, processing, video, lease);
  const outcome = work === undefined ? "idle" : await carryOut(work, container);
  if (outcome !== "idle" && outcome !== "waiting") await tidy(tenant, container, video, outcome);
  return outcome;
}

async function carryOut(work: Work, container: BlobContainer): Promise<Outcome> {
  try {
    return await attemptOrGiveUp(work, container);
  } catch (error) {
    if (!(error instanceof LeaseLost)) throw error;
    await giveWay(work, container, error);
    return "idle";
  }
}

async function attemptOrGiveUp(work: Work, container: BlobContainer): Promise<Outcome> {
  try {
    if (work.attempt <= maxAttempts)
      return await inWorkFolder(work.subject, (folder) => attempt(work, container, folder));
    await recordFailed(work);
    return "processing_failed";
  } catch (error) {
    if (error instanceof LeaseLost) throw error;
    if (work.signal.reason instanceof LeaseLost) throw work.signal.reason;
    // What waits for its next attempt holds a place that others could have.
    if (work.attempt >= maxAttempts || error instanceof UploadMissing) await recordFailed(work);
    else await work.rest();
    throw error;
  }
}

/**
 * Somebody else has ended the video: then what this attempt has stored since is nobody's. Or they are at work on it. Where
 * neither is so, the database was away for longer than the lease: throws `lost`, so that the video is delivered again.
 */
async function giveWay(work: Work, container: BlobContainer, lost: LeaseLost): Promise<void> {
  const { tenant } = work;
  const video = await tenant.repository.get(videoKind, work.video.id);
  if (video.state !== "uploaded" && video.state !== "processing") await tidy(tenant, container, video, video.state);
  else if ((await isDue(tenant, video)) && !(await work.isTaken())) throw lost;
}

async function attempt(work: Work, container: BlobContainer, folder: string): Promise<Outcome> {
  try {
    const files = await prepareVideo(work, container, folder, await limitsOf(work));
    await recordReady(work, files);
    return "ready";
  } catch (error) {
    return await recordUnmade(work, error);
  }
}

/** What the survey's question allows, within what Callpilot allows. */
async function limitsOf({ tenant, video }: Work): Promise<MediaLimits> {
  const { minSeconds, maxSeconds, maxBytes } = await questionOf(tenant, video);
  return {
    ...defaultLimits,
    maxBytes: Math.min(maxBytes ?? Infinity, maxScannedBytes()),
    ...(minSeconds !== undefined && { minDurationMs: Math.max(minSeconds * 1000, defaultLimits.minDurationMs) }),
    ...(maxSeconds !== undefined && { maxDurationMs: Math.min(maxSeconds * 1000, defaultLimits.maxDurationMs) }),
  };
}

const withoutFiles: readonly VideoState[] = ["rejected", "quarantined", "deleting", "deleted"];

/**
 * Removes what a video that has ended is not to leave behind, here and in storage. Only now: until the end is recorded,
 * another attempt may be the one that counts.
 */
async function tidy(tenant: TenantScope, container: BlobContainer, video: Entity<Video>, state: VideoState) {
  const { surveyId, id: videoId } = video;
  const { incoming, ...made } = blobNames(surveyId, videoId);
  await lockAway(tenant, container, video, state);
  // What failed keeps its upload, for another attempt.
  if (state !== "processing_failed") await deleteBlob(container, incoming);
  if (withoutFiles.includes(state)) for (const blobName of Object.values(made)) await deleteBlob(container, blobName);
  await removeDeadFolders(videoId);
  await withdraw({ tenantId: tenant.tenantId, surveyId, videoId });
}
