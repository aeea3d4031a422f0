import { Readable } from "node:stream";
import { type BlobContainer, blobClient } from "./accounts.ts";
import { StorageFailure, storageRequest, translated } from "./errors.ts";

/** Bytes that can be read from anywhere, as a prober of media files needs them. */
export interface RangeSource {
  /** Bytes of the whole file. */
  readonly size: number;
  /** The bytes from `start` up to, not including, `end`; never asked for beyond `size`. */
  read(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array>;
}

const streamRetries = 5;

/** The blob as it is under that ETag, as a stream that goes on by itself after a broken connection. */
export async function openStream(
  container: BlobContainer,
  blobName: string,
  { ifMatch, abortSignal }: { readonly ifMatch: string; readonly abortSignal?: AbortSignal },
): Promise<Readable> {
  try {
    const { readableStreamBody } = await blobClient(container, blobName).download(0, undefined, {
      conditions: { ifMatch },
      maxRetryRequests: streamRetries,
      ...(abortSignal !== undefined && { abortSignal }),
    });
    if (readableStreamBody instanceof Readable) return readableStreamBody;
  } catch (error) {
    throw translated(error);
  }
  throw new StorageFailure("Storage answered without a body.");
}

/** Ranges of the blob as it is under that ETag; a read throws StoragePreconditionFailed once it changed. */
export function rangeSource(
  container: BlobContainer,
  blobName: string,
  { size, etag }: { readonly size: number; readonly etag: string },
): RangeSource {
  const blob = blobClient(container, blobName);
  return {
    size,
    read: (start, end, signal) =>
      storageRequest(
        (abortSignal) => blob.downloadToBuffer(start, end - start, { conditions: { ifMatch: etag }, abortSignal }),
        signal,
      ),
  };
}

const blockSize = 8 * 1024 * 1024;

/**
 * Uploads a file in blocks, two at a time, so that memory stays at 16 MiB whatever its size, and returns the ETag. Replaces
 * what is there.
 */
export async function uploadFile(
  container: BlobContainer,
  blobName: string,
  path: string,
  { contentType, abortSignal }: { readonly contentType: string; readonly abortSignal?: AbortSignal },
): Promise<string> {
  try {
    const { etag } = await blobClient(container, blobName).uploadFile(path, {
      blockSize,
      maxSingleShotSize: blockSize,
      concurrency: 2,
      blobHTTPHeaders: { blobContentType: contentType },
      ...(abortSignal !== undefined && { abortSignal }),
    });
    if (etag !== undefined) return etag;
  } catch (error) {
    throw translated(error);
  }
  throw new StorageFailure("Storage answered without an ETag.");
}
