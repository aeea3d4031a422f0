import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import type { BlobItem, BlockBlobClient, ContainerListBlobsOptions } from "@azure/storage-blob";
import { type BlobContainer, blobClient, containerClient } from "./accounts.ts";
import {
  StorageFailure,
  StorageNotFound,
  StorageUnreadable,
  isBeingCopied,
  isLeased,
  storageRequest,
} from "./errors.ts";

export interface BlobFacts {
  /** Bytes. */
  readonly size: number;
  readonly etag: string;
  readonly contentType: string;
}

/** `ifNoneMatch: "*"`: only if there is no such blob. Otherwise StoragePreconditionFailed. */
export interface WriteCondition {
  readonly ifMatch?: string;
  readonly ifNoneMatch?: "*";
}

/**
 * The blob's facts; undefined if there is none, or only staged blocks. Throws {@link StorageUnreadable}: an upload grant can
 * archive a blob as well, at any time.
 */
export async function statBlob(container: BlobContainer, blobName: string): Promise<BlobFacts | undefined> {
  return absent(async () => {
    const found = await storageRequest((abortSignal) => blobClient(container, blobName).getProperties({ abortSignal }));
    if (found.accessTier === "Archive") throw new StorageUnreadable("Storage: the blob is archived");
    return {
      size: found.contentLength ?? 0,
      etag: known(found.etag),
      contentType: found.contentType ?? "application/octet-stream",
    };
  });
}

/** Writes `value` as JSON and returns the new ETag. */
export async function putJson(
  container: BlobContainer,
  blobName: string,
  value: unknown,
  conditions: WriteCondition = {},
): Promise<string> {
  const body = Buffer.from(JSON.stringify(value));
  const written = await storageRequest((abortSignal) =>
    blobClient(container, blobName).upload(body, body.length, {
      blobHTTPHeaders: { blobContentType: "application/json" },
      conditions,
      abortSignal,
    }),
  );
  return known(written.etag);
}

/** The parsed blob; undefined if there is none. Throws what {@link getText} throws. */
export async function getJson(
  container: BlobContainer,
  blobName: string,
  signal?: AbortSignal,
): Promise<{ value: unknown; etag: string } | undefined> {
  const found = await getText(container, blobName, signal);
  return found && { value: JSON.parse(found.text) as unknown, etag: found.etag };
}

const maxTextBytes = 4 * 1024 * 1024;

/** The blob as UTF-8; undefined if there is none. Throws {@link StorageFailure} beyond 4 MiB: such a blob is not ours. */
export async function getText(
  container: BlobContainer,
  blobName: string,
  signal?: AbortSignal,
): Promise<{ text: string; etag: string } | undefined> {
  return absent(() =>
    storageRequest(async (abortSignal) => {
      const found = await blobClient(container, blobName).download(0, maxTextBytes + 1, { abortSignal });
      const body = await buffer(found.readableStreamBody ?? Readable.from([]));
      if (body.length > maxTextBytes) throw new StorageFailure(`${blobName} is larger than a text of ours.`);
      return { text: body.toString(), etag: known(found.etag) };
    }, signal),
  );
}

/** Removes the blob with its snapshots, whoever leased it or copies to it. It is no error if there is none. */
export async function deleteBlob(container: BlobContainer, blobName: string): Promise<void> {
  await despiteLease(container, blobName, (abortSignal) =>
    blobClient(container, blobName).deleteIfExists({ deleteSnapshots: "include", abortSignal }),
  );
}

/** A device that leases its blob again and again loses one of so many races. */
const leaseTries = 20;

/**
 * Runs a request on a blob that a device may have leased, or begun a copy to, from wherever it is: an upload grant allows
 * both, one for ever and the other for weeks, and what is ours to change must not depend on it. The lease is broken, or the
 * copy aborted, at the same time, so that there is hardly one in between for another.
 */
export async function despiteLease<T>(
  container: BlobContainer,
  blobName: string,
  request: (abortSignal: AbortSignal) => Promise<T>,
): Promise<T> {
  const blob = blobClient(container, blobName);
  let hindrance: unknown;
  for (let attempt = 1; ; attempt++) {
    const removed = hindrance === undefined ? undefined : remove(hindrance, blob);
    const requested = storageRequest(request);
    const [end] = await Promise.allSettled([requested, removed]);
    if (end.status === "fulfilled" || attempt === leaseTries) return await requested;
    hindrance = end.reason;
    if (!isLeased(hindrance) && !isBeingCopied(hindrance)) return await requested;
  }
}

async function remove(hindrance: unknown, blob: BlockBlobClient): Promise<void> {
  if (isLeased(hindrance))
    await storageRequest((abortSignal) => blob.getBlobLeaseClient().breakLease(0, { abortSignal }));
  else {
    const { copyId } = await storageRequest((abortSignal) => blob.getProperties({ abortSignal }));
    if (copyId !== undefined) await storageRequest((abortSignal) => blob.abortCopyFromURL(copyId, { abortSignal }));
  }
}

export interface ListedBlob extends BlobFacts {
  readonly name: string;
  /** Undefined for a blob of which blocks are staged only. */
  readonly createdAt: Date | undefined;
}

/**
 * The blobs whose names begin with `prefix`, in the order of their names. `uncommitted` adds those of which blocks are
 * staged only (size 0).
 */
export async function* listByPrefix(
  container: BlobContainer,
  prefix: string,
  { uncommitted = false }: { readonly uncommitted?: boolean } = {},
): AsyncGenerator<ListedBlob> {
  for await (const item of items(container, { prefix, includeUncommitedBlobs: uncommitted })) yield listed(item);
}

/** Bytes of the blob's snapshots, which an upload grant can make as well: each keeps what the blob was. */
export async function snapshotBytes(container: BlobContainer, blobName: string): Promise<number> {
  let bytes = 0;
  for await (const { name, snapshot = "", properties } of items(container, {
    prefix: blobName,
    includeSnapshots: true,
  }))
    if (name === blobName && snapshot !== "") bytes += properties.contentLength ?? 0;
  return bytes;
}

/** Each page of a list is a request of its own. */
async function* items(container: BlobContainer, options: ContainerListBlobsOptions): AsyncGenerator<BlobItem> {
  let continuationToken: string | undefined;
  do {
    const from = continuationToken === undefined ? {} : { continuationToken };
    const page = await storageRequest((abortSignal) =>
      containerClient(container)
        .listBlobsFlat({ ...options, abortSignal })
        .byPage(from)
        .next(),
    );
    if (page.done === true) return;
    yield* page.value.segment.blobItems;
    ({ continuationToken } = page.value);
  } while (continuationToken !== undefined && continuationToken !== "");
}

function listed({ name, properties }: BlobItem): ListedBlob {
  return {
    name,
    size: properties.contentLength ?? 0,
    // Lists show ETags without the quotes that they have everywhere else.
    etag: `"${properties.etag}"`,
    contentType: properties.contentType ?? "application/octet-stream",
    createdAt: properties.createdOn,
  };
}

/** An ETag as events and lists have it; headers have it in quotes. */
export function unquoted(etag: string): string {
  return etag.replaceAll('"', "");
}

async function absent<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof StorageNotFound) return undefined;
    throw error;
  }
}

/** The SDK types every header as optional; each of these answers carries one. */
function known(etag: string | undefined): string {
  if (etag === undefined) throw new StorageFailure("Storage answered without an ETag.");
  return etag;
}
