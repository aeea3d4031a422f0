import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { readdirSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import type { BlobCreated } from "../../local/host/blob.ts";
import { targetOf } from "../../local/http.ts";
import type { DatabaseDone } from "../../local/cosmos/server.ts";
import type { Stack } from "../../local/stack.ts";
import {
  type BatchOperation,
  type Stage,
  stageOfBlob,
  stageOfDatabase,
  stageOfFiles,
  stageOfQueue,
  valueSet,
} from "./stages.ts";

/** `reached`: a request for it has arrived, or its effect is there and not answered. `answered`: its answer is sent. */
export type Phase = "reached" | "answered";

export interface Sighting {
  readonly stage: Stage;
  readonly phase: Phase;
  /** Of the connection that the request came by. */
  readonly port?: number;
  /** Process that is at it, where no request tells. */
  readonly pid?: number;
}

/** Attempts that processing begins at most. */
const maxAttempts = 5;
const pollMs = 10;

/** Sees at which stage the app is, by what it sends to this process's local Azure and by the files it works on. */
export class Watch implements Disposable {
  readonly #timer: NodeJS.Timeout;
  #hosts: Partial<Record<"blob" | "queue" | "webhooks", string>> = {};
  #workRoot: string | undefined;
  readonly #attempts = new Map<string, number>();
  #onSighting: ((sighting: Sighting) => void) | undefined;
  /** The stage that was seen last. */
  last: Stage | "nothing" = "nothing";

  /** The manifests that were written last; their events may come again. */
  readonly manifests: BlobCreated[] = [];

  constructor() {
    subscribe(startChannel, this.#onStart);
    subscribe(finishChannel, this.#onFinish);
    this.#timer = setInterval(() => {
      this.#lookAtFiles();
    }, pollMs).unref();
  }

  /** Says where the stack's services are, and the temporary files of the app's instances. */
  follow(stack: Pick<Stack, "blobUrl" | "queueUrl" | "webhookReceiverUrl">, tempDir: string): void {
    const host = (url: string) => new URL(url).host;
    this.#hosts = { blob: host(stack.blobUrl), queue: host(stack.queueUrl), webhooks: host(stack.webhookReceiverUrl) };
    this.#workRoot = join(tempDir, "callpilot-work");
  }

  /** Calls back, before anything else happens, for what is seen from now on. */
  listen(listener: ((sighting: Sighting) => void) | undefined): void {
    this.#onSighting = listener;
  }

  /** Whether a video is in the last attempt that it gets: one more death would end it, as it should. */
  get lastAttempt(): boolean {
    return [...this.#attempts.values()].some((attempts) => attempts >= maxAttempts);
  }

  /** Takes what the database has done and not answered yet. */
  readonly database = ({ request, port }: DatabaseDone): void => {
    if (request.operation === "document.batch") this.#count(request.body as readonly BatchOperation[]);
    const stage = stageOfDatabase(request);
    this.#see(stage, "reached", port);
    setImmediate(() => {
      this.#see(stage, "answered", port);
    });
  };

  /** Takes what was written to storage. */
  readonly blob = (created: BlobCreated): void => {
    if (created.container !== "ingest") return;
    this.manifests.push(created);
    this.manifests.splice(0, this.manifests.length - 20);
  };

  [Symbol.dispose](): void {
    unsubscribe(startChannel, this.#onStart);
    unsubscribe(finishChannel, this.#onFinish);
    clearInterval(this.#timer);
  }

  readonly #onStart = (message: unknown): void => {
    const { request } = message as { readonly request: IncomingMessage };
    this.#see(this.#stageOf(request), "reached", request.socket.remotePort);
  };

  readonly #onFinish = (message: unknown): void => {
    const { request } = message as { readonly request: IncomingMessage };
    this.#see(this.#stageOf(request), "answered", request.socket.remotePort);
  };

  #stageOf(request: IncomingMessage): Stage | undefined {
    const { host = "" } = request.headers;
    if (host === this.#hosts.webhooks) return "webhook: request";
    if (host !== this.#hosts.blob && host !== this.#hosts.queue) return undefined;
    const { pathname, searchParams: query } = targetOf(request);
    const [, , container = "", ...name] = pathname.split("/").map(decodeURIComponent);
    const { method = "", headers } = request;
    const seen = { method, container, name: name.join("/"), query, headers };
    return host === this.#hosts.blob ? stageOfBlob(seen) : stageOfQueue(seen);
  }

  #see(stage: Stage | undefined, phase: Phase, port?: number): void {
    if (stage === undefined) return;
    this.last = stage;
    this.#onSighting?.({ stage, phase, ...(port !== undefined && { port }) });
  }

  #count(batch: readonly BatchOperation[]): void {
    for (const operation of batch) {
      const attempts = valueSet(operation, "/attempts");
      const id = operation.id ?? "";
      if (typeof attempts === "number") this.#attempts.set(id, attempts);
      else if (valueSet(operation, "/state") !== undefined) this.#attempts.delete(id);
    }
  }

  /** `<video>.<process>.…` is the folder of an attempt; the files in it tell how far it is. */
  #lookAtFiles(): void {
    if (this.#workRoot === undefined) return;
    for (const folder of list(this.#workRoot)) {
      if (this.#onSighting === undefined) return;
      const stage = stageOfFiles(list(join(this.#workRoot, folder, "made")));
      if (stage === undefined) continue;
      this.last = stage;
      this.#onSighting({ stage, phase: "reached", pid: Number(folder.split(".")[1]) });
    }
  }
}

const startChannel = "http.server.request.start";
const finishChannel = "http.server.response.finish";

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
