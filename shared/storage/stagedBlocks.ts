import { isRestError } from "@azure/storage-blob";
import { type BlobContainer, blobClient } from "./accounts.ts";
import { type WriteCondition, despiteLease, snapshotBytes, statBlob } from "./blobs.ts";
import {
  StorageFailure,
  StorageNotFound,
  StoragePreconditionFailed,
  StorageUnreadable,
  storageRequest,
} from "./errors.ts";

export interface Block {
  /** Base64, as the device sent it. */
  readonly id: string;
  /** Bytes. */
  readonly size: number;
}

/** What has arrived for a blob. */
export interface Arrived {
  readonly staged: readonly Block[];
  /**
   * Of the staged blocks, or of the committed blob where that is larger, and of snapshots of it; without end where nobody
   * can read it.
   */
  readonly bytes: number;
}

/** What is staged for a blob, and how much of it there is; nothing if nobody ever sent any of it. */
export async function arrivedAt(container: BlobContainer, blobName: string): Promise<Arrived> {
  const { blocks: staged, blobBytes } = await listBlocks(container, blobName, "uncommitted");
  return { staged, bytes: Math.max(blobBytes, sizeOf(staged)) + (await snapshotBytes(container, blobName)) };
}

/** The blocks that a blob was made of, in order; none of one that was sent at once, or that is not made of blocks. */
export async function listCommitted(container: BlobContainer, blobName: string): Promise<readonly Block[]> {
  return (await listBlocks(container, blobName, "committed")).blocks;
}

async function listBlocks(container: BlobContainer, blobName: string, which: "committed" | "uncommitted") {
  try {
    const {
      committedBlocks = [],
      uncommittedBlocks = [],
      blobContentLength: blobBytes = 0,
    } = await storageRequest((abortSignal) => blobClient(container, blobName).getBlockList(which, { abortSignal }));
    return {
      blocks: [...committedBlocks, ...uncommittedBlocks].map(({ name, size }) => ({ id: name, size })),
      blobBytes,
    };
  } catch (error) {
    if (error instanceof StorageNotFound) return { blocks: [], blobBytes: 0 };
    if (error instanceof StorageUnreadable) return { blocks: [], blobBytes: Infinity };
    if (!isRestError(error) || error.code !== "InvalidBlobType") throw error;
    // A device may make a page or an append blob of its upload, which has no blocks.
    return { blocks: [], blobBytes: (await statBlob(container, blobName))?.size ?? 0 };
  }
}

function sizeOf(blocks: readonly Block[]): number {
  return blocks.reduce((sum, { size }) => sum + size, 0);
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
 * for that: an empty list is committed, which drops them, and the empty blob deleted. Blocks that are encrypted with a key
 * of the device's are left to storage, which drops them after a week.
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
    const isLeft = [StoragePreconditionFailed, StorageNotFound, StorageUnreadable].some(
      (kind) => error instanceof kind,
    );
    if (!isLeft) throw error;
  }
}
