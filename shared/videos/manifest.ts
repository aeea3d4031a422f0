import { deleteBlob, putJson } from "../storage/blobs.ts";
import { systemContainer } from "../storage/containers.ts";
import { StoragePreconditionFailed } from "../storage/errors.ts";
import { manifestName } from "./video.ts";

/** Which video is to be processed. */
export interface VideoPlace {
  readonly tenantId: string;
  readonly surveyId: string;
  readonly videoId: string;
}

/**
 * Writes the blob whose arrival starts processing. It stays until processing has ended; who finds the video uploaded and
 * no manifest writes it again.
 */
export async function announce(place: VideoPlace): Promise<void> {
  try {
    await putJson(systemContainer("ingest"), nameOf(place), content(place), { ifNoneMatch: "*" });
  } catch (error) {
    if (!(error instanceof StoragePreconditionFailed)) throw error;
  }
}

/** Writes it anew, as a new version, which starts processing again. */
export async function announceAgain(place: VideoPlace): Promise<void> {
  await putJson(systemContainer("ingest"), nameOf(place), content(place));
}

export async function withdraw(place: VideoPlace): Promise<void> {
  await deleteBlob(systemContainer("ingest"), nameOf(place));
}

function nameOf({ tenantId, surveyId, videoId }: VideoPlace): string {
  return manifestName(tenantId, surveyId, videoId);
}

function content(place: VideoPlace): object {
  return { schemaVersion: 1, ...place };
}
