import { join } from "node:path";
import { type Analysis, analyse } from "../media/analyse.ts";
import { saveHashed } from "../media/hash.ts";
import { makeStream } from "../media/stream.ts";
import { type BlobContainer } from "../storage/accounts.ts";
import { deleteBlob, statBlob } from "../storage/blobs.ts";
import { openStream, uploadFile } from "../storage/streams.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { recordStream } from "./recordAnalysed.ts";
import { type Remark, remarksOn } from "./remarks.ts";
import { type OutputBlob, type Stream, blobNames, videoKind } from "./video.ts";
import { questionOf } from "./videoOf.ts";
import type { Work } from "./workLease.ts";

/** What is found out about a ready video. */
export interface Examined {
  readonly analysis: Analysis;
  readonly remarks: readonly Remark[];
}

/** Looks at the video as it is played, not at what a device sent, and does what its question asks for. */
export async function examineVideo(work: Work, container: BlobContainer, workDir: string): Promise<Examined> {
  const { tenant, video, signal } = work;
  const { outputs } = video;
  if (outputs === undefined) throw new Error("a ready video without files");
  const { gates, hls } = await questionOf(tenant, video);
  const path = join(workDir, "video.mp4");
  await fetchFile(container, outputs.video, path, signal);
  const { durationMs, method } = outputs;
  const analysis = await analyse({ path, durationMs, ownKeyPictures: method === "transcode", workDir, signal });
  if (hls === true && video.stream === undefined)
    await recordStream(work, await storeStream(work, container, path, workDir));
  return { analysis, remarks: remarksOn({ durationMs, analysis }, gates) };
}

async function fetchFile(
  container: BlobContainer,
  { blob, size, sha256 }: OutputBlob,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const facts = await statBlob(container, blob);
  if (facts === undefined) throw new Error("a file of a ready video is missing");
  const stream = await openStream(container, blob, { ifMatch: facts.etag, abortSignal: signal });
  const saved = await saveHashed(stream, path, size, { signal });
  if (saved.sha256 !== sha256) throw new Error("a file of a ready video is not what was stored");
}

async function storeStream(
  { video, signal }: Work,
  container: BlobContainer,
  path: string,
  workDir: string,
): Promise<Stream> {
  const names = blobNames(video.surveyId, video.id);
  const { media, playlist } = await makeStream({ path, workDir, signal });
  const store = { abortSignal: signal };
  await uploadFile(container, names.stream, media.path, { ...store, contentType: "video/mp4" });
  await uploadFile(container, names.playlist, playlist.path, {
    ...store,
    contentType: "application/vnd.apple.mpegurl",
  });
  return {
    media: { blob: names.stream, size: media.size, sha256: media.sha256 },
    playlist: { blob: names.playlist, size: playlist.size, sha256: playlist.sha256 },
  };
}

/** Removes the files of a stream that attempts have stored and not recorded. */
export async function discardStream(tenant: TenantScope, container: BlobContainer, videoId: string): Promise<void> {
  const { surveyId, state, stream: recorded } = await tenant.repository.get(videoKind, videoId);
  if (state === "ready" && recorded !== undefined) return;
  const { stream, playlist } = blobNames(surveyId, videoId);
  await deleteBlob(container, stream);
  await deleteBlob(container, playlist);
}
