/** The steps of a video's life that a kill is aimed at, in their order. */
export const stages = [
  "start: reserve the video",
  "complete: commit the blocks",
  "complete: state uploaded",
  "complete: manifest",
  "claim",
  "copy to originals",
  "identify",
  "download",
  "encode",
  "poster and storyboard",
  "store the video",
  "store the poster",
  "store the storyboard",
  "record the outcome",
  "evidence: keep",
  "evidence: record",
  "tidy: upload",
  "tidy: manifest",
  "cancel: state",
  "cancel: files",
  "log: places",
  "log: entries",
  "log: messages",
  "log: forget the facts",
  "webhook: delivery opened",
  "webhook: request",
  "webhook: outcome",
  "sweep",
] as const;
export type Stage = (typeof stages)[number];

/** A request to storage as the stages are told by it. */
export interface StorageRequest {
  readonly method: string;
  readonly container: string;
  /** Empty for the container itself, or a queue. */
  readonly name: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** Which stage the app is at when it sends this to the blob service; undefined for what is no stage of its own. */
export function stageOfBlob({ method, container, name, query, headers }: StorageRequest): Stage | undefined {
  // With a signature it comes from a device, or from storage itself while it copies.
  if (query.has("sig")) return undefined;
  if (container === "ingest") return stageOfManifest(method, name, query);
  if (!container.startsWith("videos-")) return undefined;
  const [folder = "", , , file = ""] = name.split("/");
  if (method === "DELETE") return folder === "incoming" ? "tidy: upload" : "cancel: files";
  if (method === "PUT" && folder === "incoming") return "complete: commit the blocks";
  if (method === "PUT" && folder === "originals") return "copy to originals";
  if (method === "PUT" && folder === "videos") return stored[file];
  if (method === "PUT" && folder === "evidence") return "evidence: keep";
  if (method === "GET" && folder === "originals") return "x-ms-range" in headers ? "identify" : "download";
  return undefined;
}

const stored: Readonly<Record<string, Stage>> = {
  "video.mp4": "store the video",
  "poster.jpg": "store the poster",
  "storyboard.jpg": "store the storyboard",
};

function stageOfManifest(method: string, name: string, query: URLSearchParams): Stage | undefined {
  if (name === "") return query.get("prefix")?.startsWith("tnt_") === true ? "sweep" : undefined;
  if (method === "DELETE") return "tidy: manifest";
  return method === "PUT" ? "complete: manifest" : undefined;
}

/** Which stage the app is at when it sends this to the queue service. */
export function stageOfQueue({ method, container, name }: StorageRequest): Stage | undefined {
  return method === "POST" && container === "deliver-webhook" && name === "messages" ? "log: messages" : undefined;
}

/** Which stage work is at that has made these files. */
export function stageOfFiles(names: readonly string[]): Stage | undefined {
  if (names.some((name) => /^(?:tile|poster|storyboard)/u.test(name))) return "poster and storyboard";
  return names.includes("video.mp4") ? "encode" : undefined;
}

/** A request to the database as the stages are told by it. */
export interface DatabaseRequest {
  readonly operation: string;
  readonly containerId: string;
  readonly id: string | undefined;
  readonly body: unknown;
}

/** Which stage the app has passed when the database has done this. */
export function stageOfDatabase({ operation, containerId, id, body }: DatabaseRequest): Stage | undefined {
  if (containerId === "log") return operation === "document.batch" ? "log: entries" : undefined;
  if (containerId !== "data") return undefined;
  if (operation === "document.replace" || operation === "document.create")
    return id === "log_head" || (body as { id?: unknown } | null)?.id === "log_head" ? "log: places" : undefined;
  return operation === "document.batch" ? stageOfBatch(body as readonly BatchOperation[]) : undefined;
}

/** What the stages are told by of one operation of a batch, as the SDK sends it. */
export interface BatchOperation {
  readonly operationType: string;
  readonly id?: string;
  readonly resourceBody?: {
    readonly id?: string;
    readonly kind?: string;
    readonly operations?: readonly { readonly path: string; readonly value?: unknown }[];
  };
}

function stageOfBatch(batch: readonly BatchOperation[]): Stage | undefined {
  const [first] = batch;
  if (first?.resourceBody?.id === "log_head") return "log: forget the facts";
  const written = batch.find(({ resourceBody }) => resourceBody?.kind === "delivery");
  if (written !== undefined)
    return written.operationType === "Create" ? "webhook: delivery opened" : "webhook: outcome";
  if (batch.some(({ resourceBody }) => resourceBody?.kind === "video")) return "start: reserve the video";
  if (batch.some((operation) => valueSet(operation, "/evidence") !== undefined)) return "evidence: record";
  const state = batch.map((operation) => valueSet(operation, "/state")).find((value) => value !== undefined);
  return typeof state === "string" ? byState[state] : undefined;
}

const byState: Readonly<Record<string, Stage>> = {
  uploaded: "complete: state uploaded",
  processing: "claim",
  ready: "record the outcome",
  rejected: "record the outcome",
  upload_cancelled: "cancel: state",
  deleting: "cancel: state",
  deleted: "cancel: state",
};

/** What the operation sets a field to, by its path. */
export function valueSet({ resourceBody }: BatchOperation, path: string): unknown {
  return resourceBody?.operations?.find((operation) => operation.path === path)?.value;
}
