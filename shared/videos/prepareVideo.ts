import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { now } from "../clock.ts";
import type { Handling, Step } from "../evidence/draft.ts";
import { saveHashed } from "../media/hash.ts";
import { identify } from "../media/identify.ts";
import type { MediaLimits } from "../media/limits.ts";
import { type Prepared, prepare } from "../media/prepare.ts";
import { Rejection } from "../media/rejection.ts";
import { toolFacts } from "../media/toolFacts.ts";
import { type BlobContainer } from "../storage/accounts.ts";
import { type BlobFacts, statBlob } from "../storage/blobs.ts";
import { copyBlob } from "../storage/copyBlob.ts";
import { StorageUnreadable } from "../storage/errors.ts";
import { listCommitted } from "../storage/stagedBlocks.ts";
import { openStream, rangeSource, uploadFile } from "../storage/streams.ts";
import { maxBlocks } from "./blocks.ts";
import { passGate, scannedCopy } from "./malwareGate.ts";
import type { Work } from "./workLease.ts";
import { type OutputBlob, type Outputs, blobNames } from "./video.ts";

/** What a video was made into; every file of it is stored. */
export interface PreparedFiles {
  readonly original: OutputBlob;
  readonly outputs: Outputs;
  readonly handling: Handling;
}

/**
 * Makes a playable video of what a device sent: takes it out of the reach of the upload grant, identifies it before it is
 * fetched, lets it pass the malware gate before ffmpeg sees it, checks it and stores what was made of it under names that
 * are the same each time. Throws {@link Rejection} for a recording at fault, ScanPending for one that has to wait, anything
 * else for what may go better next time.
 */
export async function prepareVideo(
  work: Work,
  container: BlobContainer,
  folder: string,
  limits: MediaLimits,
): Promise<PreparedFiles> {
  const { video, signal } = work;
  const names = blobNames(video.surveyId, video.id);
  const steps: { what: Step; at: string }[] = [];
  const done = (what: Step) => steps.push({ what, at: now().toISOString() });
  const { original, received } = await takeOverReadable(work, container);
  done("taken_over");
  const facts = await identify(rangeSource(container, names.original, original), limits, signal);
  await passGate(work, container, original);
  const stream = await openStream(container, names.original, { ifMatch: original.etag, abortSignal: signal });
  const path = join(folder, "original");
  const { size, sha256 } = await saveHashed(stream, path, limits.maxBytes, {
    signal,
    onBytes: (written) => {
      work.report((fetchShare * written) / original.size);
    },
  });
  const declared = video.upload.sha256;
  if (declared !== undefined && declared !== sha256)
    throw new Rejection("checksum_mismatch", "its SHA-256 is not the declared one");
  done("hashed");
  const workDir = join(folder, "made");
  await mkdir(workDir);
  const prepared = await prepare({
    path,
    facts,
    workDir,
    limits,
    signal,
    onProgress: (fraction) => {
      work.report(fetchShare + (storeFrom - fetchShare) * fraction);
    },
  });
  done("prepared");
  const { outputs, etags } = await store(work, container, prepared);
  done("stored");
  const tools = await toolFacts();
  const handling = { received, etags: { original: original.etag, ...etags }, steps, tools, limits };
  return { original: { blob: names.original, size, sha256 }, outputs, handling };
}

/** Shares of the progress that is shown. */
const fetchShare = 0.1;
const storeFrom = 0.95;

/** The upload is not there, and no further attempt brings it back. */
export class UploadMissing extends Error {
  override readonly name = "UploadMissing";
}

interface TakenOver {
  readonly original: BlobFacts;
  readonly received: Handling["received"];
}

/** {@link takeOver}, of what can be read by more than the device that sent it. */
async function takeOverReadable(work: Work, container: BlobContainer): Promise<TakenOver> {
  try {
    return await takeOver(work, container);
  } catch (error) {
    if (!(error instanceof StorageUnreadable)) throw error;
    throw new Rejection("checksum_mismatch", "its device archived it, or encrypted it", { cause: error });
  }
}

/**
 * Copies the upload to where its grant does not reach, as it is now. A copy that is there is made again, unless a scanner
 * has been asked about it.
 */
async function takeOver(work: Work, container: BlobContainer): Promise<TakenOver> {
  const { video } = work;
  const names = blobNames(video.surveyId, video.id);
  const incoming = await statBlob(container, names.incoming);
  if (incoming === undefined) throw new UploadMissing("an upload that was completed is missing");
  if (incoming.size !== video.upload.size)
    throw new Rejection("size_mismatch", `${incoming.size} bytes instead of ${video.upload.size}`);
  if (video.uploadEtag !== undefined && incoming.etag !== video.uploadEtag)
    throw new Rejection("checksum_mismatch", "it was written again after it was completed");
  // Before the copy, whose condition is that this is still the same version.
  const blocks = await listCommitted(container, names.incoming);
  const { size, etag } = incoming;
  const original = (await scannedCopy(work, container)) ?? (await copied(work, container, etag));
  if (original.size !== size) throw new Error("the copy of an upload is not whole");
  const received = { size, etag, blockCount: blocks.length, ...(blocks.length <= maxBlocks && { blocks }) };
  return { original, received };
}

async function copied({ video, signal }: Work, container: BlobContainer, etag: string): Promise<BlobFacts> {
  const names = blobNames(video.surveyId, video.id);
  await copyBlob({ container, blobName: names.incoming, etag }, { container, blobName: names.original }, signal);
  const original = await statBlob(container, names.original);
  if (original === undefined) throw new Error("the copy of an upload is missing");
  return original;
}

async function store(
  work: Work,
  container: BlobContainer,
  prepared: Prepared,
): Promise<{ readonly outputs: Outputs; readonly etags: Omit<Handling["etags"], "original"> }> {
  const { video, signal: abortSignal } = work;
  const names = blobNames(video.surveyId, video.id);
  const { video: film, poster, storyboard } = prepared;
  const image = { contentType: "image/jpeg", abortSignal };
  const etags = {
    video: await uploadFile(container, names.video, film.path, { contentType: "video/mp4", abortSignal }),
    poster: await uploadFile(container, names.poster, poster.path, image),
    sprite: await uploadFile(container, names.sprite, storyboard.path, image),
  };
  work.report(1);
  const outputs = {
    video: { blob: names.video, size: film.size, sha256: film.sha256 },
    poster: { blob: names.poster, size: poster.size, sha256: poster.sha256 },
    sprite: { blob: names.sprite, size: storyboard.size, sha256: storyboard.sha256, cues: storyboard.cues },
    method: film.method,
    durationMs: film.durationMs,
    width: film.width,
    height: film.height,
  };
  return { outputs, etags };
}
