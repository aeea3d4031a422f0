import { type RestError, isRestError } from "@azure/storage-blob";

/** There is no such blob, container or queue. */
export class StorageNotFound extends Error {
  override readonly name = "StorageNotFound";
}

/** The blob is not, or no longer, what the caller's condition says (ETag changed, or it exists already). */
export class StoragePreconditionFailed extends Error {
  override readonly name = "StoragePreconditionFailed";
}

/** Whether a request was refused only because somebody holds a lease on the blob. */
export function isLeased(error: unknown): boolean {
  return (
    error instanceof StoragePreconditionFailed && isRestError(error.cause) && error.cause.code === "LeaseIdMissing"
  );
}

/** Whether a request was refused only because a copy to the blob is under way. */
export function isBeingCopied(error: unknown): boolean {
  return isRestError(error) && error.code === "PendingCopyOperation";
}

/** Nobody can read the blob: whoever wrote it has archived it, or encrypted it with a key of their own. */
export class StorageUnreadable extends Error {
  override readonly name = "StorageUnreadable";
}

const unreadable = ["BlobArchived", "BlobBeingRehydrated", "BlobUsesCustomerSpecifiedEncryption"];

/** What a policy keeps from being written is there as well; Azure does not document which of the two it looks at first. */
const there = ["BlobAlreadyExists", "BlobImmutableDueToPolicy"];

/** Storage did the request but not what was asked for. */
export class StorageFailure extends Error {
  override readonly name = "StorageFailure";
}

/** No answer in time, or again and again one that broke off. */
export class StorageUnavailable extends Error {
  override readonly name = "StorageUnavailable";
}

/**
 * Runs one storage request and turns the SDK's answers that callers decide by into named errors. An answer whose body
 * breaks off is asked for again. Throws {@link StorageUnavailable}.
 */
export async function storageRequest<T>(
  request: (abortSignal: AbortSignal) => Promise<T>,
  signal?: AbortSignal,
  timeoutMs = requestTimeoutMs,
): Promise<T> {
  const timeout = AbortSignal.timeout(timeoutMs);
  const abortSignal = signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
  for (let attempt = 1; ; attempt++) {
    try {
      return await request(abortSignal);
    } catch (error) {
      if (signal?.aborted === true) throw error;
      if (timeout.aborted) throw new StorageUnavailable("Storage: no answer in time", { cause: error });
      if (!brokeOff(error)) throw translated(error);
      if (attempt === answerTries) throw new StorageUnavailable("Storage: the answer broke off", { cause: error });
    }
  }
}

/** The SDK itself waits for an answer without end. The time covers its retries, so it is not for large transfers. */
const requestTimeoutMs = 60_000;

/** Bytes in a millisecond: what takes two blocks at a time in the time for one try. A slower line counts as none. */
const slowest = 500;

/** For a request, or several, that send so many bytes. */
export function transferTimeoutMs(bytes: number): number {
  return requestTimeoutMs + Math.ceil(bytes / slowest);
}

/** How often an answer may break off, one after the other, before nothing more is expected of it. */
export const answerTries = 5;

/**
 * The SDK retries what fails before an answer begins. It takes a download that breaks off for one that was aborted, and any
 * other answer for one that cannot be read.
 */
function brokeOff(error: unknown): boolean {
  return (
    error instanceof Error && (error.name === "AbortError" || (isRestError(error) && error.code === "PARSE_ERROR"))
  );
}

export function translated(error: unknown): unknown {
  if (!isRestError(error)) return error;
  const code = error.code ?? codeInHeader(error);
  if (error.statusCode === 404) return new StorageNotFound(`Storage: ${code}`, { cause: error });
  if (error.statusCode === 412 || (error.statusCode === 409 && there.includes(code)))
    return new StoragePreconditionFailed(`Storage: ${code}`, { cause: error });
  if (error.statusCode === 409 && unreadable.includes(code))
    return new StorageUnreadable(`Storage: ${code}`, { cause: error });
  return error;
}

/** Of an answer to HEAD, which has no body. */
function codeInHeader({ details }: RestError): string {
  const { errorCode } = (details ?? {}) as { readonly errorCode?: unknown };
  return typeof errorCode === "string" ? errorCode : "";
}
