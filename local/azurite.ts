import { mkdir, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Server, createServer } from "node:https";
import { createRequire, registerHooks } from "node:module";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { targetOf } from "./http.ts";
import { type Certificates, LocalError, type LocalService, listen, stop } from "./service.ts";
import { coalesced, textOf } from "./stateFile.ts";

/** Azurite's one built-in account. */
const account = "devstoreaccount1";

export interface CreatedBlob {
  readonly container: string;
  readonly blob: string;
}

/** The storage account of the local Azure. */
export interface LocalStorage {
  readonly blob: LocalService;
  readonly queue: LocalService;
  readonly account: typeof account;
  /** Path style, e.g. `https://localhost:10000/devstoreaccount1`. */
  readonly blobServiceUri: string;
  readonly queueServiceUri: string;
  /** Calls `listener` when a blob was put, its block list committed, or its copy begun: Event Grid's BlobCreated. */
  readonly onBlobCreated: (listener: (created: CreatedBlob) => void) => void;
  /** Calls `listener` with the name of a queue on which a message was put. */
  readonly onQueueMessage: (listener: (queue: string) => void) => void;
}

/**
 * Azurite's blob and queue services over https with bearer tokens, in this process.
 * What a request wrote is on disk before its answer ends, so an acknowledged write survives SIGKILL.
 */
export async function startAzurite(options: {
  readonly blobPort: number;
  readonly queuePort: number;
  readonly dataDir: string;
  readonly tls: Certificates;
}): Promise<LocalStorage> {
  const { dataDir, tls } = options;
  await mkdir(dataDir, { recursive: true });
  const blob = await startService("Blob", options.blobPort, dataDir, tls);
  const queue = await startService("Queue", options.queuePort, dataDir, tls).catch(async (error: unknown) => {
    await blob.close();
    throw error;
  });
  return {
    blob,
    queue,
    account,
    blobServiceUri: `${blob.url}/${account}`,
    queueServiceUri: `${queue.url}/${account}`,
    onBlobCreated: announced(blob.http, createdBy),
    onQueueMessage: announced(queue.http, queueOf),
  };
}

/** What Azurite's classes, which come without types, look like to us (azurite 3.37, dist/src). */
interface AzuriteServer {
  readonly httpServer: Server;
  readonly metadataStore: { readonly db: Loki };
  readonly extentMetadataStore: { readonly db: Loki };
  readonly extentStore: ExtentStore;
  start(): Promise<void>;
  close(): Promise<void>;
}

/** Where the content is: files to which blob after blob is appended. */
interface ExtentStore {
  /** Appends what arrives, and gives the number of its bytes. */
  streamPipe(from: Readable, to: Writable, ...rest: unknown[]): Promise<number>;
}

interface Loki {
  autosaveDirty(): boolean;
  autosaveDisable(): void;
  saveDatabase(done: (error?: Error | null) => void): void;
}

type Constructor<T> = new (...parameters: unknown[]) => T;

/** What Azurite would report its use with, which it does not here: it takes as long to load as Azurite itself. */
const unused = "applicationinsights";

/** Loaded when used: Azurite takes a quarter of a second. */
function load<T>(path: string): Constructor<T> {
  const hooks = registerHooks({
    resolve: (specifier, context, next) =>
      specifier === unused ? { url: "node:util", format: "builtin", shortCircuit: true } : next(specifier, context),
  });
  try {
    const required = createRequire(import.meta.url)(`azurite/dist/src/${path}.js`) as { default: Constructor<T> };
    return required.default;
  } finally {
    hooks.deregister();
  }
}

async function startService(
  kind: "Blob" | "Queue",
  port: number,
  dataDir: string,
  tls: Certificates,
): Promise<LocalService & { readonly http: Server }> {
  const service = kind.toLowerCase();
  const files = ["metadata", "extents"].map((name) => join(dataDir, `${service}-${name}.json`));
  await Promise.all(files.map(refuseDamaged));
  await refuseBusy(port, `Azurite ${service}`);
  const server = await construct(kind, port, dataDir, files, tls);
  await server.start();
  const [extents, metadata] = [server.extentMetadataStore.db, server.metadataStore.db];
  extents.autosaveDisable();
  metadata.autosaveDisable();
  endAfter(server.httpServer, flushOf(extents, metadata));
  const { port: taken } = server.httpServer.address() as AddressInfo;
  return {
    url: `https://localhost:${taken}`,
    http: server.httpServer,
    close: async () => {
      await stop(server.httpServer);
      await server.close();
    },
  };
}

async function construct(kind: "Blob" | "Queue", port: number, dataDir: string, files: string[], tls: Certificates) {
  const service = kind.toLowerCase();
  const [cert, key] = [join(dataDir, `${service}.pem`), join(dataDir, `${service}.key`)];
  await Promise.all([writeFile(cert, tls.cert), writeFile(key, tls.key, { mode: 0o600 })]);
  const content = [{ locationId: "Default", locationPath: join(dataDir, `${service}-content`), maxConcurrency: 50 }];
  const Configuration = load<object>(`${service}/${kind}Configuration`);
  const off = { accessLog: false, debugLog: false, loose: false };
  // The SDK asks for a version that this Azurite does not know yet.
  const skipApiVersionCheck = true;
  const configuration = new Configuration(
    "127.0.0.1",
    port,
    5,
    ...files,
    content,
    off.accessLog,
    undefined,
    off.debugLog,
    undefined,
    off.loose,
    skipApiVersionCheck,
    cert,
    key,
    "",
    "basic",
    true,
  );
  const AzuriteService = load<AzuriteServer>(`${service}/${kind}Server`);
  const server = new AzuriteService(configuration);
  endWrites(server.extentStore);
  return server;
}

/**
 * Azurite closes a file as soon as what arrives for it breaks off, whatever writes are under way. They reach what is opened
 * next under that descriptor, which may be the beginning of the same file: a blob that was stored long ago.
 */
function endWrites(store: ExtentStore): void {
  const streamPipe = store.streamPipe.bind(store);
  store.streamPipe = async (from, to, ...rest) => {
    try {
      return await streamPipe(from, to, ...rest);
    } catch (error) {
      if (!to.writableEnded) to.end();
      await finished(to).catch(() => undefined);
      throw error;
    }
  };
}

/** Saves what changed; Azurite itself does so every 5 s only. LokiJS writes whole files, under another name first. */
function flushOf(extents: Loki, metadata: Loki): () => Promise<void> | undefined {
  let saving: Promise<void> | undefined;
  const save = coalesced(async () => {
    // Metadata refer to extents, so they are saved as of a moment at which every extent is.
    while (extents.autosaveDirty()) await saved(extents);
    if (metadata.autosaveDirty()) await saved(metadata);
  });
  return () => {
    if (!extents.autosaveDirty() && !metadata.autosaveDirty()) return saving;
    const mine = save().finally(() => {
      if (saving === mine) saving = undefined;
    });
    saving = mine;
    return mine;
  };
}

async function saved(database: Loki): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    database.saveDatabase((error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

/** Holds the end of every answer until `flush` is done, also of reads, which may have seen what is not yet on disk. */
function endAfter(server: Server, flush: () => Promise<void> | undefined): void {
  server.prependListener("request", (_request: IncomingMessage, response: ServerResponse) => {
    const end = response.end.bind(response) as (...parameters: unknown[]) => ServerResponse;
    const endWhenSaved = (...parameters: unknown[]): ServerResponse => {
      const flushing = flush();
      if (flushing === undefined) return end(...parameters);
      flushing.then(
        () => end(...parameters),
        (error: unknown) => response.destroy(error as Error),
      );
      return response;
    };
    response.end = endWhenSaved as typeof response.end;
  });
}

/** Takes listeners for what `seen` finds in a request, once that is answered. */
function announced<T>(
  server: Server,
  seen: (request: IncomingMessage, status: number) => T | undefined,
): (listener: (found: T) => void) => void {
  const listeners: ((found: T) => void)[] = [];
  server.prependListener("request", (request: IncomingMessage, response: ServerResponse) => {
    response.once("finish", () => {
      const found = seen(request, response.statusCode);
      if (found !== undefined) for (const listener of listeners) listener(found);
    });
  });
  return (listener) => {
    listeners.push(listener);
  };
}

/** The blob that this request created, if it did. */
function createdBy(request: IncomingMessage, status: number): CreatedBlob | undefined {
  const { pathname, searchParams } = targetOf(request);
  const creates =
    request.method === "PUT" &&
    (status === 201 || status === 202) &&
    [null, "blocklist"].includes(searchParams.get("comp")) &&
    !searchParams.has("restype");
  if (!creates) return undefined;
  const [, , container, ...name] = pathname.split("/").map(decodeURIComponent);
  return container === undefined || name.length === 0 ? undefined : { container, blob: name.join("/") };
}

/** The queue that this request put a message on, if it did. */
function queueOf(request: IncomingMessage, status: number): string | undefined {
  const [, , queue, messages, id] = targetOf(request).pathname.split("/");
  const puts = request.method === "POST" && status === 201 && messages === "messages" && id === undefined;
  return puts ? queue : undefined;
}

async function refuseDamaged(file: string): Promise<void> {
  const text = await textOf(file);
  try {
    if (text !== undefined) JSON.parse(text);
  } catch {
    throw new LocalError(`${file} is damaged: begin anew with npm start -- --fresh.`);
  }
}

/** Azurite's own error for a port in use comes after its stores are open, and leaves them so. */
async function refuseBusy(port: number, purpose: string): Promise<void> {
  const probe = createServer();
  await listen(probe, port, purpose);
  await stop(probe);
}
