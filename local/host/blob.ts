import { BlobServiceClient, RestError, type BlobClient } from "@azure/storage-blob";
import { QueueServiceClient } from "@azure/storage-queue";
import { identity } from "../../shared/identity.ts";
import type { AppFunction } from "./app.ts";
import { parseBlobPath } from "./blobPath.ts";
import type { TypedData } from "./core.ts";
import { pause } from "./invoke.ts";
import { createLimiter } from "./limiter.ts";
import { describe } from "./log.ts";
import { type Trigger, type TriggerHost, endpointOf, required } from "./trigger.ts";

export interface BlobOptions {
  /** Calls back when a blob was written, for what Azure learns from Event Grid. */
  readonly onBlobCreated?: ((listener: (event: BlobCreated) => void) => void) | undefined;
  /** Milliseconds between two scans for blobs that no event announced. */
  readonly blobScan: number;
}

export interface BlobCreated {
  readonly container: string;
  readonly blob: string;
}

const receiptContainer = "azure-webjobs-hosts";
const poisonQueue = "webjobs-blobtrigger-poison";
const firstRetry = 100;

/**
 * Delivers each version (ETag) of each blob that fits the path: on an event and by scanning. A receipt, written after
 * the function succeeded, keeps it from running twice for a version; a kill before it delivers again. After
 * `poisonBlobThreshold` failures a message on {@link poisonQueue} replaces further attempts.
 */
export function createBlobTrigger(fn: AppFunction, host: TriggerHost, options: BlobOptions): Trigger {
  const path = parseBlobPath(required(fn, "path"));
  const blobs = new BlobServiceClient(endpointOf(fn, "blobServiceUri", host.env), identity());
  const queues = new QueueServiceClient(endpointOf(fn, "queueServiceUri", host.env), identity());
  const container = blobs.getContainerClient(path.container);
  const receipts = blobs.getContainerClient(receiptContainer);
  const receiptPrefix = `blobreceipts/local/${fn.name}/`;
  const limited = createLimiter(host.settings.blobs.maxDegreeOfParallelism);
  const underWay = new Map<string, Promise<void>>();

  const receiptName = (blobName: string, etag: string) =>
    `${receiptPrefix}${etag.replaceAll('"', "")}/${path.container}/${blobName}`;

  const invoke = async (blob: BlobClient, params: Readonly<Record<string, string>>, etag: string) => {
    const download = await blob.downloadToBuffer(0, undefined, { conditions: { ifMatch: etag } });
    const properties = await blob.getProperties();
    const strings = { ...params, BlobTrigger: `${path.container}/${blob.name}` };
    const metadata: Record<string, TypedData> = {
      ...Object.fromEntries(Object.entries(strings).map(([name, string]) => [name, { string }])),
      Uri: { json: JSON.stringify(blob.url) },
      Metadata: { json: JSON.stringify(properties.metadata ?? {}) },
      Properties: {
        json: JSON.stringify({
          ETag: etag,
          LastModified: properties.lastModified,
          CreatedOn: properties.createdOn,
          ContentLength: properties.contentLength,
          ContentType: properties.contentType,
          BlobType: properties.blobType,
        }),
      },
    };
    await host.invoker.invoke(fn, { data: { bytes: download }, metadata });
  };

  const attempt = async (blob: BlobClient, params: Readonly<Record<string, string>>, etag: string) => {
    for (let failures = 0; ;) {
      try {
        await invoke(blob, params, etag);
        return "done";
      } catch (error) {
        // Deleted or overwritten: the new version has its own event.
        if (error instanceof RestError && (error.statusCode === 404 || error.statusCode === 412)) return "gone";
        failures += 1;
        if (failures >= host.settings.blobs.poisonBlobThreshold) return "poison";
        await pause(firstRetry * 2 ** (failures - 1), host.stopping);
        if (host.stopping.aborted) return "stopped";
      }
    }
  };

  const bury = async (blob: BlobClient, etag: string) => {
    const poison = queues.getQueueClient(poisonQueue);
    await poison.createIfNotExists();
    const message = {
      Type: "BlobTrigger",
      FunctionId: `Host.Functions.${fn.name}`,
      BlobType: "BlockBlob",
      ContainerName: path.container,
      BlobName: blob.name,
      ETag: etag,
    };
    await poison.sendMessage(Buffer.from(JSON.stringify(message)).toString("base64"));
    host.log.host("error", `Blob ${blob.name} was given up: see the queue ${poisonQueue}.`, fn.name);
  };

  /** `known` tells of versions that a scan has seen receipts of, which saves asking for each. */
  const process = async (blobName: string, known?: { readonly etag: string }) => {
    const params = path.match(blobName);
    if (params === undefined) return;
    const blob = container.getBlobClient(blobName);
    const etag = known?.etag ?? (await etagOf(blob));
    if (etag === undefined) return;
    const receipt = receipts.getBlockBlobClient(receiptName(blobName, etag));
    if (known === undefined && (await receipt.exists())) return;
    const outcome = await attempt(blob, params, etag);
    if (outcome === "poison") await bury(blob, etag);
    if (outcome === "done" || outcome === "poison") await receipt.upload("", 0);
  };

  /** One run at a time for a blob; an event during a run is looked at after it, for it may tell of a newer version. */
  const enqueue = (blobName: string, known?: { readonly etag: string }) => {
    const before = underWay.get(blobName);
    if (before !== undefined && known !== undefined) return;
    const task = (before ?? Promise.resolve())
      .then(() => limited(() => (host.stopping.aborted ? Promise.resolve() : process(blobName, known))))
      .catch((error: unknown) => {
        // The next scan finds it again.
        host.log.host("warning", `Blob ${blobName} was left: ${describe(error)}`, fn.name);
      })
      .finally(() => {
        if (underWay.get(blobName) === task) underWay.delete(blobName);
      });
    underWay.set(blobName, task);
  };

  const scan = async () => {
    const seen = new Set<string>();
    for await (const { name } of receipts.listBlobsFlat({ prefix: receiptPrefix })) seen.add(name);
    for await (const { name, properties } of container.listBlobsFlat({ prefix: path.prefix })) {
      const etag = quoted(properties.etag);
      if (path.match(name) !== undefined && !seen.has(receiptName(name, etag))) enqueue(name, { etag });
    }
  };

  const loop = async () => {
    while (!host.stopping.aborted) {
      await scan().catch((error: unknown) => {
        if (error instanceof RestError && error.statusCode === 404) return;
        host.log.host("warning", `Container ${path.container} cannot be read: ${describe(error)}`, fn.name);
      });
      await pause(options.blobScan, host.stopping);
    }
    await Promise.all(underWay.values());
  };

  return {
    start: async () => {
      await receipts.createIfNotExists();
      options.onBlobCreated?.((event) => {
        if (event.container === path.container && path.match(event.blob) !== undefined) enqueue(event.blob);
      });
      host.run(loop);
    },
    runOnce: async (input) => {
      const name = input.startsWith(`${path.container}/`) ? input.slice(path.container.length + 1) : input;
      const blob = container.getBlobClient(name);
      const [params, etag] = [path.match(name), await etagOf(blob)];
      if (params !== undefined && etag !== undefined) await invoke(blob, params, etag);
    },
  };
}

async function etagOf(blob: BlobClient): Promise<string | undefined> {
  try {
    return (await blob.getProperties()).etag;
  } catch (error) {
    if (error instanceof RestError && error.statusCode === 404) return undefined;
    throw error;
  }
}

/** Listings give the ETag without the quotes that headers have. */
function quoted(etag: string): string {
  return etag.startsWith('"') ? etag : `"${etag}"`;
}
