import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import { join } from "node:path";
import { readText, TooLarge } from "../http.ts";
import { type Certificates, listen, type LocalService, stop } from "../service.ts";
import { handleAdmin, isAdmin } from "./admin.ts";
import { arrivalOf } from "./arrival.ts";
import { CosmosError } from "./errors.ts";
import { type Fault, Faults } from "./faults.ts";
import { type Answer, Handler } from "./handler.ts";
import { recordDirVariable, recorder } from "./recorder.ts";
import { type CosmosRequest, parseRequest } from "./request.ts";
import { RequestLog } from "./requestLog.ts";
import { Store } from "./store.ts";
import { requireToken } from "./token.ts";

/** The local Cosmos DB. */
export interface CosmosService extends LocalService {
  /** Failures on demand; other processes use `/_local/faults`. */
  readonly faults: Faults;
  /** What arrived; other processes use `/_local/counters` and `/_local/requests`. */
  readonly requests: RequestLog;
}

/** A request that was carried out and is not answered yet. */
export interface DatabaseDone {
  readonly request: CosmosRequest;
  /** Of the sender's end of the connection. */
  readonly port: number;
}

/** Read fully before it is refused, so that the caller gets an answer instead of a cut connection. */
const MAX_REQUEST_BYTES = 32 * 1024 * 1024;
const PURGE_INTERVAL_MS = 60_000;
/** Longer than any pause of a test: an idle connection that closes under a request looks like a lost answer. */
const KEEP_ALIVE_MS = 10 * 60_000;

function failure(error: unknown): Answer {
  const known = error instanceof CosmosError ? error : new CosmosError(500, String(error));
  const { status, substatus, body } = known;
  return { status, headers: substatus === undefined ? {} : { "x-ms-substatus": String(substatus) }, body };
}

function faultAnswer({ status, substatus, retryAfterMs }: Fault & { status: number }): Answer {
  const answer = failure(
    new CosmosError(status, "This failure was asked for.", substatus === undefined ? {} : { substatus }),
  );
  const retryAfter = retryAfterMs ?? (status === 429 ? 10 : undefined);
  if (retryAfter === undefined) return answer;
  return { ...answer, headers: { ...answer.headers, "x-ms-retry-after-ms": String(retryAfter) } };
}

function batchAnswer({ status, batchIndex }: Fault, batch: readonly string[] = []): Answer {
  const results = batch.map((_type, at) => ({ statusCode: at === batchIndex ? status : 424, requestCharge: 0 }));
  return { status: 207, headers: {}, body: results };
}

function send(response: ServerResponse, { status, headers, body }: Answer, activityId: string): void {
  const text = body === undefined ? "" : JSON.stringify(body);
  response.writeHead(status, {
    ...(text === "" ? {} : { "content-type": "application/json" }),
    ...(status === 204 || status === 304 ? {} : { "content-length": Buffer.byteLength(text) }),
    "x-ms-activity-id": activityId,
    "x-ms-version": "2020-07-15",
    ...headers,
  });
  response.end(text);
}

/**
 * Serves the part of Azure Cosmos DB's REST API that `@azure/cosmos` uses, from one SQLite file in `dataDir`.
 * @throws LocalError when the port is in use, or the file is damaged or in use.
 */
export async function startCosmos(options: {
  /** 0 takes a free one. */
  readonly port: number;
  readonly dataDir: string;
  readonly tls: Certificates;
  /** Folder in which every request for documents is kept, for a look at them all after a test run. */
  readonly recordDir?: string | undefined;
  /** Sees each request for documents between its effect and its answer. */
  readonly onDone?: ((done: DatabaseDone) => void) | undefined;
}): Promise<CosmosService> {
  await mkdir(options.dataDir, { recursive: true, mode: 0o700 });
  const store = new Store(join(options.dataDir, "cosmos.sqlite"));
  const faults = new Faults();
  const requests = new RequestLog();
  let url = "";

  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const text = await readText(request, MAX_REQUEST_BYTES);
    if (isAdmin(request)) {
      handleAdmin(request, response, text, { url, faults, requests });
      return;
    }
    requireToken(request.headers.authorization, url);
    const parsed = parseRequest(request, text);
    const record = arrivalOf(request, parsed, store.container(parsed.databaseId, parsed.containerId)?.definition);
    const fault = faults.take(record);
    let answer: Answer | undefined;
    const stale = fault?.status === "stale";
    if (fault === undefined || fault.after === true || stale) {
      try {
        answer = new Handler(store, url).handle({ ...parsed, stale });
      } catch (error) {
        answer = failure(error);
      }
    }
    if (fault !== undefined) await faults.wait(fault);
    if (fault?.status === "reset") answer = undefined;
    else if (fault?.batchIndex !== undefined) answer = batchAnswer(fault, record.batch);
    else if (fault !== undefined && fault.status !== "stale") answer = faultAnswer({ ...fault, status: fault.status });
    requests.add({ ...record, status: answer?.status ?? "reset" });
    recording?.(record);
    options.onDone?.({ request: parsed, port: request.socket.remotePort ?? 0 });
    if (answer === undefined) request.socket.destroy();
    else send(response, answer, record.activityId);
  };

  const server = createServer({ key: options.tls.key, cert: options.tls.cert }, (request, response) => {
    respond(request, response).catch((error: unknown) => {
      const refusal = error instanceof TooLarge ? new CosmosError(413, "Request size is too large.") : error;
      if (response.headersSent) request.socket.destroy();
      else send(response, failure(refusal), randomUUID());
    });
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  let port: number;
  try {
    port = await listen(server, options.port, "Cosmos DB");
  } catch (error) {
    store.close();
    throw error;
  }
  url = `https://localhost:${port}`;
  const recording = recorder(options.recordDir ?? process.env[recordDirVariable], port);
  const purge = setInterval(() => {
    store.purge();
  }, PURGE_INTERVAL_MS).unref();

  let closed: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    clearInterval(purge);
    await stop(server);
    store.close();
  };
  return {
    url,
    faults,
    requests,
    close: () => (closed ??= close()),
  };
}
