import { isRestError } from "@azure/storage-blob";
import { type BlobContainer, blobClient } from "./accounts.ts";
import { type WriteCondition, despiteLease } from "./blobs.ts";
import { StorageFailure, StorageNotFound, StoragePreconditionFailed, storageRequest } from "./errors.ts";

export interface Block {
  /** Base64, as the device sent it. */
  readonly id: string;
  /** Bytes. */
  readonly size: number;
}

/** The staged blocks of a blob; none if nothing was ever staged there, or what is there is not made of blocks. */
export async function listStaged(container: BlobContainer, blobName: string): Promise<readonly Block[]> {
  return await listBlocks(container, blobName, "uncommitted");
}

/** The blocks that a blob was made of, in order; none of one that was sent at once, or that is not made of blocks. */
export async function listCommitted(container: BlobContainer, blobName: string): Promise<readonly Block[]> {
  return await listBlocks(container, blobName, "committed");
}

async function listBlocks(
  container: BlobContainer,
  blobName: string,
  which: "committed" | "uncommitted",
): Promise<readonly Block[]> {
  try {
    const { committedBlocks = [], uncommittedBlocks = [] } = await storageRequest((abortSignal) =>
      blobClient(container, blobName).getBlockList(which, { abortSignal }),
    );
    return [...committedBlocks, ...uncommittedBlocks].map(({ name, size }) => ({ id: name, size }));
  } catch (error) {
    // A device may make a page or an append blob of its upload.
    const unlike = isRestError(error) && error.code === "InvalidBlobType";
    if (unlike || error instanceof StorageNotFound) return [];
    throw error;
  }
}

/** Makes the blob of those blocks, in that order, and returns its ETag. Blocks left out are discarded. */
export async function commitBlocks(
  container: BlobContainer,
  blobName: string,
  ids: readonly string[],
  { contentType, ...conditions }: WriteCondition & { readonly contentType: string },
): Promise<string> {
  const { etag } = await despiteLease(container, blobName, (abortSignal) =>
    blobClient(container, blobName).commitBlockList([...ids], {
      blobHTTPHeaders: { blobContentType: contentType },
      conditions,
      abortSignal,
    }),
  );
  if (etag === undefined) throw new StorageFailure("Storage answered without an ETag.");
  return etag;
}

/**
 * Discards the blocks staged for a blob that was never committed; one that was is left as it is. Storage has no request
 * for that: an empty list is committed, which drops them, and the empty blob deleted.
 */
export async function discardStaged(container: BlobContainer, blobName: string): Promise<void> {
  try {
    const etag = await commitBlocks(container, blobName, [], {
      contentType: "application/octet-stream",
      ifNoneMatch: "*",
    });
    await storageRequest((abortSignal) =>
      blobClient(container, blobName).delete({ conditions: { ifMatch: etag }, abortSignal }),
    );
  } catch (error) {
    if (!(error instanceof StoragePreconditionFailed || error instanceof StorageNotFound)) throw error;
  }
}
