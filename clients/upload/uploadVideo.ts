import type { DeviceTold, Journal } from "../../shared/videos/flight.ts";
import type { UploadView } from "../../shared/videos/uploadView.ts";
import { type Fetch, Refusal, exchange } from "./exchange.ts";
import { Lost, type Patience, Perseverance } from "./perseverance.ts";

/**
 * The reference for uploads: what docs/uploading.md says, in code that runs in browsers and in Node alike. Needs `fetch`
 * and a `Blob` (a browser's File, Node's `openAsBlob`).
 */
export interface UploadOptions {
  /** Where the API is, e.g. `https://api.example.com`. */
  readonly apiUrl: string;
  /** The guest session's bearer. Asked for before each request, with the one that was refused if that is why. */
  readonly bearer: (refused?: string) => string | Promise<string>;
  readonly questionId: string;
  readonly contentType: string;
  /**
   * Names this upload of this file: a lost answer, or a page that is loaded again, starts no second video as long as the
   * same one is given.
   */
  readonly key: string;
  /** Id of the video, where the upload began earlier. */
  readonly videoId?: string;
  /** Of the whole file, hex. */
  readonly sha256?: string;
  readonly blockSize?: number;
  readonly device?: DeviceTold;
  readonly waitedMs?: number;
  /** Told the video's id, to be kept until the upload has ended. */
  readonly onStarted?: (videoId: string) => void;
  /** Told how many bytes have arrived, also by earlier calls. */
  readonly onProgress?: (arrived: number) => void;
  readonly signal?: AbortSignal;
  readonly patience?: Partial<Patience>;
  readonly fetch?: Fetch;
}

export interface Uploaded {
  readonly videoId: string;
  readonly state: UploadView["state"];
  /** Of how many blocks the file is made. */
  readonly blocks: number;
  readonly journal: Journal;
}

/**
 * Sends the file in blocks and completes the upload; goes on where it was whenever the network is lost. Throws
 * {@link Refusal} for what stays refused and `Unreachable` where nothing got through for too long, after which the same
 * call goes on.
 */
export async function uploadVideo(file: Blob, options: UploadOptions): Promise<Uploaded> {
  return await new VideoUpload(file, options).run();
}

interface Asked {
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Block {
  readonly id: string;
  readonly start: number;
  readonly end: number;
}

/** Two requests on their way at a time fill the pauses of one another. */
const atOnce = 2;
const requestTimeoutMs = 30_000;
const json = { "content-type": "application/json" };
/** Bytes in a millisecond: a slower line counts as none. */
const slowest = 8;
/** Azure's limit of a blob. */
const mostBlocks = 50_000;
/** Completions that miss blocks which have arrived: of a storage that loses more, nothing comes. */
const enoughMissed = 5;

class VideoUpload {
  readonly #file: Blob;
  readonly #options: UploadOptions;
  readonly #fetch: Fetch;
  readonly #perseverance: Perseverance;
  #resumes = 0;
  #missed = 0;
  #sendingMs = 0;

  constructor(file: Blob, options: UploadOptions) {
    this.#file = file;
    this.#options = options;
    this.#fetch = options.fetch ?? ((url, init) => fetch(url, init));
    this.#perseverance = new Perseverance(options.patience);
  }

  async run(): Promise<Uploaded> {
    const { videoId, onStarted } = this.#options;
    let view = videoId === undefined ? await this.#start() : await this.#lookUp(videoId);
    onStarted?.(view.id);
    for (;;) {
      // Processing has it, or somebody ended it.
      if (view.upload === undefined) return this.#ended(view, 0);
      try {
        const blocks = await this.#sendMissing(view.upload, view.received ?? []);
        return this.#ended(await this.#complete(view.id), blocks);
      } catch (error) {
        await this.#perseverance.failed(error);
      }
      this.#resumes++;
      view = await this.#lookUp(view.id);
    }
  }

  async #start(): Promise<UploadView> {
    const { questionId, contentType, sha256, blockSize, device, key } = this.#options;
    const size = this.#file.size;
    const body = JSON.stringify({ questionId, size, contentType, sha256, blockSize, device });
    return await this.#ask("POST /v1/guest/videos", { body, headers: { "idempotency-key": key } });
  }

  /** What has arrived, and a fresh grant for the rest. */
  async #lookUp(videoId: string): Promise<UploadView> {
    return await this.#ask(`GET /v1/guest/videos/${videoId}`);
  }

  async #complete(videoId: string): Promise<UploadView> {
    const body = JSON.stringify({ size: this.#file.size, journal: this.#journal() });
    try {
      return await this.#ask(`POST /v1/guest/videos/${videoId}/complete`, { body });
    } catch (error) {
      const isMissing = error instanceof Refusal && error.code === "missing_blocks";
      if (!isMissing || ++this.#missed === enoughMissed) throw error;
      throw new Lost("blocks are missing", { cause: error });
    }
  }

  /** Asks the API until it answers. */
  async #ask(operation: string, { headers = {}, body }: Asked = {}): Promise<UploadView> {
    const { apiUrl, bearer, signal } = this.#options;
    const [method = "", path = ""] = operation.split(" ");
    let held = await bearer();
    let isFresh = false;
    for (;;) {
      try {
        const answer = await exchange(this.#fetch, apiUrl + path, {
          ...{
            method,
            timeoutMs: requestTimeoutMs,
            ...(body !== undefined && { body }),
            ...(signal !== undefined && { signal }),
          },
          headers: { ...headers, ...(body !== undefined && json), authorization: `Bearer ${held}` },
        });
        return uploadOf(answer, this.#file.size);
      } catch (error) {
        if (error instanceof Refusal && error.status === 401 && !isFresh) {
          const refused = held;
          held = await bearer(refused);
          if (held === refused) throw error;
          isFresh = true;
        } else {
          await this.#perseverance.failed(error);
          isFresh = false;
        }
      }
    }
  }

  /** Gives the number of all blocks. One that fails stops the others after what they are at. */
  async #sendMissing(
    { url, blockSize }: NonNullable<UploadView["upload"]>,
    received: NonNullable<UploadView["received"]>,
  ): Promise<number> {
    const sizes = new Map(received.map(({ id, size }) => [id, size]));
    const blocks = blocksOf(this.#file.size, blockSize);
    const missing = blocks.filter(({ id, start, end }) => sizes.get(id) !== end - start);
    let arrived = this.#file.size - missing.reduce((sum, { start, end }) => sum + end - start, 0);
    this.#options.onProgress?.(arrived);
    const began = performance.now();
    const lane = async () => {
      for (let block = missing.shift(); block !== undefined; block = missing.shift()) {
        await this.#send(url, block).catch((error: unknown) => {
          missing.length = 0;
          throw error;
        });
        arrived += block.end - block.start;
        this.#perseverance.succeeded();
        this.#options.onProgress?.(arrived);
      }
    };
    const ends = await Promise.allSettled(Array.from({ length: atOnce }, lane));
    this.#sendingMs += performance.now() - began;
    for (const end of ends) if (end.status === "rejected") throw end.reason;
    return blocks.length;
  }

  /** Stages one block (Put Block). A grant that has ended counts as lost: looking the upload up gives another one. */
  async #send(url: string, { id, start, end }: Block): Promise<void> {
    const { signal } = this.#options;
    const timeoutMs = requestTimeoutMs + Math.ceil((end - start) / slowest);
    const body = this.#file.slice(start, end);
    try {
      await exchange(this.#fetch, `${url}&comp=block&blockid=${encodeURIComponent(id)}`, {
        ...{ method: "PUT", body, timeoutMs, ...(signal !== undefined && { signal }) },
      });
    } catch (error) {
      const isOver = error instanceof Refusal && error.status === 403;
      throw isOver ? new Lost("the grant has ended", { cause: error }) : error;
    }
  }

  #journal(): Journal {
    const { waitedMs } = this.#options;
    const counted = { ...this.#perseverance.counts, resumes: this.#resumes, sendingMs: Math.round(this.#sendingMs) };
    return { ...counted, ...(waitedMs !== undefined && { waitedMs }) };
  }

  #ended({ id, state }: UploadView, blocks: number): Uploaded {
    this.#perseverance.succeeded();
    return { videoId: id, state, blocks, journal: this.#journal() };
  }
}

/** Throws {@link Lost} where the answer is none of the API's, such as the page of a network that wants a login first. */
function uploadOf(answer: Record<string, unknown>, size: number): UploadView {
  const { id, state, upload, received = [] } = answer;
  const isWhole = typeof id === "string" && typeof state === "string" && Array.isArray(received);
  if (!isWhole || (upload !== undefined && !isTarget(upload, size))) throw new Lost("the answer tells of no upload");
  return answer as UploadView;
}

function isTarget(upload: unknown, size: number): boolean {
  const { url, blockSize } = { ...(upload as { readonly url?: unknown; readonly blockSize?: unknown }) };
  return (
    typeof url === "string" &&
    URL.canParse(url) &&
    Number.isSafeInteger(blockSize) &&
    size / Number(blockSize) <= mostBlocks &&
    Number(blockSize) > 0
  );
}

/** A block's id is base64 of its place in five digits. */
function blocksOf(size: number, blockSize: number): Block[] {
  return Array.from({ length: Math.ceil(size / blockSize) }, (_, place) => ({
    id: btoa(String(place).padStart(5, "0")),
    start: place * blockSize,
    end: Math.min((place + 1) * blockSize, size),
  }));
}
