import { stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { type BlobContainer, blobClient } from "./accounts.ts";
import { StorageFailure, StorageUnavailable, answerTries, storageRequest, transferTimeoutMs } from "./errors.ts";

/** Bytes that can be read from anywhere, as a prober of media files needs them. */
export interface RangeSource {
  /** Bytes of the whole file. */
  readonly size: number;
  /** The bytes from `start` up to, not including, `end`; never asked for beyond `size`. */
  read(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array>;
}

/**
 * The blob as it is under that ETag, as a stream that goes on where it was when a connection breaks or falls silent, or when
 * storage ends an answer that takes longer than one try may. Its error is {@link StorageUnavailable} where nothing more arrives.
 */
export async function openStream(
  container: BlobContainer,
  blobName: string,
  { ifMatch, abortSignal }: { readonly ifMatch: string; readonly abortSignal?: AbortSignal },
): Promise<Readable> {
  const blob = blobClient(container, blobName);
  const answerFrom = async (offset: number): Promise<Readable> => {
    // The limit of a request goes on while its body is read: an answer in which nothing more arrives ends as well.
    const { readableStreamBody } = await storageRequest(
      (signal) => blob.download(offset, undefined, { conditions: { ifMatch }, abortSignal: signal }),
      abortSignal,
    );
    if (readableStreamBody instanceof Readable) return readableStreamBody;
    throw new StorageFailure("Storage answered without a body.");
  };
  return new Continued(await answerFrom(0), answerFrom, abortSignal);
}

/** The SDK's own retries of a body end with the first connection that breaks (Azure/azure-sdk-for-js#32268). */
class Continued extends Readable {
  readonly #answerFrom: (offset: number) => Promise<Readable>;
  readonly #abortSignal: AbortSignal | undefined;
  #answer: Readable;
  #chunks: AsyncIterator<Buffer, undefined>;
  #offset = 0;
  #triesInVain = 0;

  constructor(
    first: Readable,
    answerFrom: (offset: number) => Promise<Readable>,
    abortSignal: AbortSignal | undefined,
  ) {
    super();
    this.#answerFrom = answerFrom;
    this.#abortSignal = abortSignal;
    this.#answer = first;
    this.#chunks = chunksOf(first);
  }

  override _read(): void {
    this.#next().then(
      (chunk) => this.push(chunk ?? null),
      (error: unknown) => this.destroy(error as Error),
    );
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#answer.destroy();
    done(error);
  }

  async #next(): Promise<Buffer | undefined> {
    for (;;) {
      try {
        const { value: chunk } = await this.#chunks.next();
        this.#offset += chunk?.length ?? 0;
        this.#triesInVain = 0;
        return chunk;
      } catch (error) {
        if (this.destroyed || this.#abortSignal?.aborted === true) throw error;
        this.#triesInVain++;
        if (this.#triesInVain === answerTries)
          throw new StorageUnavailable("Storage: the answer broke off", { cause: error });
      }
      this.#answer = await this.#answerFrom(this.#offset);
      this.#chunks = chunksOf(this.#answer);
      if (this.closed) this.#answer.destroy();
    }
  }
}

function chunksOf(answer: Readable): AsyncIterator<Buffer, undefined> {
  // It may break off before anybody reads, which is told to the one who does.
  answer.on("error", () => undefined);
  return answer[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
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
 * what is there. Throws {@link StorageUnavailable}.
 */
export async function uploadFile(
  container: BlobContainer,
  blobName: string,
  path: string,
  { contentType, abortSignal }: { readonly contentType: string; readonly abortSignal?: AbortSignal },
): Promise<string> {
  const { size } = await stat(path);
  const { etag } = await storageRequest(
    (signal) =>
      blobClient(container, blobName).uploadFile(path, {
        blockSize,
        maxSingleShotSize: blockSize,
        concurrency: 2,
        blobHTTPHeaders: { blobContentType: contentType },
        abortSignal: signal,
      }),
    abortSignal,
    transferTimeoutMs(size),
  );
  if (etag === undefined) throw new StorageFailure("Storage answered without an ETag.");
  return etag;
}
