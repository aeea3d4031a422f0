import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { type BlockBlobClient, isRestError } from "@azure/storage-blob";
import type { Static, TSchema } from "@sinclair/typebox";
import { StorageNotFound, StoragePreconditionFailed, storageRequest, translated } from "../../shared/storage/errors.ts";
import { fault } from "../../shared/validator.ts";

/** Somebody else is at work on the same. */
export class AnotherRun extends Error {
  override readonly name = "AnotherRun";
}

/** What a run keeps for the next one, should it be interrupted. Of two runs, the one that wrote last goes on. */
export class Notes<S extends TSchema> {
  readonly #blob: BlockBlobClient;
  readonly #schema: S;
  #etag: string | undefined;

  constructor(blob: BlockBlobClient, schema: S) {
    this.#blob = blob;
    this.#schema = schema;
  }

  /** Undefined where there are none, `unreadable` where another version of this program wrote them. */
  async read(): Promise<Static<S> | "unreadable" | undefined> {
    const found = await findText(this.#blob);
    this.#etag = found?.etag;
    if (found === undefined) return undefined;
    const value = parsed(found.text);
    return fault(this.#schema, value) === undefined ? value : "unreadable";
  }

  /** Throws {@link AnotherRun} where somebody wrote since they were read or written here. */
  async write(value: Static<S>): Promise<void> {
    const body = Buffer.from(JSON.stringify(value));
    const conditions = this.#etag === undefined ? { ifNoneMatch: "*" } : { ifMatch: this.#etag };
    const { etag } = await unlessOverwritten(() => this.#blob.upload(body, body.length, { conditions }));
    this.#etag = etag;
  }

  /** Throws as {@link write} does; it is no error if they are gone. */
  async remove(): Promise<void> {
    const ifMatch = this.#etag;
    if (ifMatch !== undefined) await unlessOverwritten(() => this.#blob.deleteIfExists({ conditions: { ifMatch } }));
    this.#etag = undefined;
  }
}

/** Throws {@link AnotherRun} where a condition of the request does not hold. */
export async function unlessOverwritten<T>(request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (error) {
    if (!(translated(error) instanceof StoragePreconditionFailed)) throw error;
    throw new AnotherRun("another run is at work on the same: let one end, and start it again", { cause: error });
  }
}

/** A blob as text, with its version; undefined where there is none. Throws where its container is not there either. */
export async function findText(blob: BlockBlobClient): Promise<{ text: string; etag: string | undefined } | undefined> {
  try {
    return await storageRequest(async (abortSignal) => {
      const { etag, readableStreamBody } = await blob.download(0, undefined, { abortSignal });
      return { text: (await buffer(readableStreamBody ?? Readable.from([]))).toString(), etag };
    });
  } catch (error) {
    if (!(error instanceof StorageNotFound)) throw error;
    if (isRestError(error.cause) && error.cause.code === "ContainerNotFound")
      throw new Error(`there is no container ${blob.containerName} in ${new URL(blob.url).host}`, { cause: error });
    return undefined;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
