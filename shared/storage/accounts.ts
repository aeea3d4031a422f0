import { BlobServiceClient, type BlockBlobClient, type ContainerClient } from "@azure/storage-blob";
import { QueueServiceClient } from "@azure/storage-queue";
import { config } from "../config.ts";
import { identity } from "../identity.ts";
import { lazy } from "../lazy.ts";

/** A container and the storage account it is in, by the name that a tenant's document has for it. */
export interface BlobContainer {
  readonly account: string;
  readonly name: string;
}

/** Throws RangeError for an account that this deployment does not know. */
export function blobAccount(name: string): BlobServiceClient {
  if (name !== config().data.account) throw new RangeError(`Unknown storage account: ${name}`);
  return dataBlobs();
}

export function containerClient(container: BlobContainer): ContainerClient {
  return blobAccount(container.account).getContainerClient(container.name);
}

export function blobClient(container: BlobContainer, blobName: string): BlockBlobClient {
  return containerClient(container).getBlockBlobClient(blobName);
}

export const queueAccount = lazy(() => new QueueServiceClient(config().data.queueUrl, identity(), { retryOptions }));

/** Exponential with jitter: about 0.3 s, 0.9 s, 2.1 s. The time limit is the server's, for one try. */
const retryOptions = { maxTries: 4, retryDelayInMs: 300, maxRetryDelayInMs: 5000, tryTimeoutInMs: 30_000 };

const dataBlobs = lazy(() => new BlobServiceClient(config().data.blobUrl, identity(), { retryOptions }));
