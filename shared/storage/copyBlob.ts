import { setTimeout } from "node:timers/promises";
import type { BlockBlobClient, CopyStatusType } from "@azure/storage-blob";
import { type BlobContainer, blobClient } from "./accounts.ts";
import { StorageFailure, isBeingCopied, storageRequest } from "./errors.ts";
import { copySource } from "./grants.ts";

interface BlobName {
  readonly container: BlobContainer;
  readonly blobName: string;
}

const pollMs = 500;
/** How often a copy is begun that storage refuses for another one: each time it is waited until that has ended. */
const beginTries = 5;

/**
 * Copies inside the storage service, if the source still has that ETag, and returns when all bytes are there. Uses the
 * asynchronous copy, since the synchronous one ends at 256 MiB. An existing target is replaced, so it may be repeated.
 * An aborted `abortSignal` ends the waiting, not the copy. Throws StoragePreconditionFailed (the source changed),
 * StorageNotFound, {@link StorageFailure}.
 */
export async function copyBlob(
  source: BlobName & { readonly etag: string },
  target: BlobName,
  abortSignal?: AbortSignal,
): Promise<void> {
  const from = await copySource(source.container, source.blobName);
  const blob = blobClient(target.container, target.blobName);
  const begin = (signal: AbortSignal) =>
    blob.beginCopyFromURL(from, { sourceConditions: { ifMatch: source.etag }, abortSignal: signal });
  for (let attempt = 1; ; attempt++)
    try {
      await storageRequest(begin, abortSignal);
      break;
    } catch (error) {
      if (!isBeingCopied(error) || attempt === beginTries) throw error;
      // One that was begun before, by whoever has died since, goes on by itself: until it ends nothing is written there.
      await pause(abortSignal);
      await endOfCopy(blob, abortSignal);
    }
  const end = await endOfCopy(blob, abortSignal);
  if (end !== "success") throw new StorageFailure(`The copy ended as ${end ?? "unknown"}.`);
}

/** The SDK's own poller goes on for ever where a copy was aborted. */
async function endOfCopy(blob: BlockBlobClient, abortSignal?: AbortSignal): Promise<CopyStatusType | undefined> {
  for (;;) {
    const { copyStatus } = await storageRequest((signal) => blob.getProperties({ abortSignal: signal }), abortSignal);
    if (copyStatus !== "pending") return copyStatus;
    await pause(abortSignal);
  }
}

async function pause(signal?: AbortSignal): Promise<void> {
  await setTimeout(pollMs, undefined, signal === undefined ? {} : { signal });
}
