import { type Container, type Database, ErrorResponse } from "@azure/cosmos";
import { setTimeout as delay } from "node:timers/promises";

/** Progress in a change feed, held by one instance at a time. */
export interface Lease {
  readonly continuation: string | undefined;
  /** Stores how far the feed is dealt with. Throws {@link LeaseLost} when another instance took the lease. */
  checkpoint(continuation: string): Promise<void>;
  /** Renews if the interval is over. Throws {@link LeaseLost}. */
  renewWhenDue(): Promise<void>;
  /** Renews in the background until the answer is called; a loss shows at the next checkpoint. */
  keep(): () => Promise<void>;
}

/** Another instance wrote the lease: what was delivered since the last checkpoint is delivered there again. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}

export interface LeaseOptions {
  readonly database: Database;
  readonly containerName: string;
  readonly createContainer: boolean;
  readonly id: string;
  readonly owner: string;
  /** Milliseconds after which an unrenewed lease is anybody's. */
  readonly expiry: number;
  /** Milliseconds between two renewals. */
  readonly renewal: number;
}

interface LeaseDocument {
  readonly id: string;
  readonly Owner: string;
  readonly ContinuationToken: string | null;
  /** ISO 8601, the last renewal. */
  readonly timestamp: string;
}

/** Leases in a Cosmos container with the partition key `/id`; every write is bound to the ETag that was read. */
export function createLeases(options: LeaseOptions): { acquire(): Promise<Lease | undefined> } {
  const container = async () => {
    if (!options.createContainer) return options.database.container(options.containerName);
    try {
      const partitionKey = { paths: ["/id"] };
      await options.database.containers.createIfNotExists({ id: options.containerName, partitionKey });
    } catch (error) {
      // Another function's trigger was quicker.
      if (!(error instanceof ErrorResponse && error.code === 409)) throw error;
    }
    return options.database.container(options.containerName);
  };

  return {
    /** Undefined while another instance holds it. */
    acquire: async () => {
      const store = await container();
      const { resource, etag } = await store.item(options.id, options.id).read<LeaseDocument>();
      if (resource === undefined) {
        const created = await lostOn(409, () => store.items.create(document(options, null)));
        return hold(store, options, created.etag, null);
      }
      const expired = Date.parse(resource.timestamp) + options.expiry < Date.now();
      if (resource.Owner !== options.owner && !expired) return undefined;
      const taken = await replace(store, options, etag, resource.ContinuationToken);
      return hold(store, options, taken, resource.ContinuationToken);
    },
  };
}

function hold(store: Container, options: LeaseOptions, acquired: string, start: string | null): Lease {
  let etag = acquired;
  let continuation = start;
  let renewed = Date.now();

  const write = async (next: string | null) => {
    etag = await replace(store, options, etag, next);
    continuation = next;
    renewed = Date.now();
  };
  return {
    get continuation() {
      return continuation ?? undefined;
    },
    checkpoint: (next) => write(next),
    renewWhenDue: async () => {
      if (Date.now() - renewed >= options.renewal) await write(continuation);
    },
    keep: () => {
      const over = new AbortController();
      const renewing = (async () => {
        for (;;) {
          await delay(options.renewal, undefined, { signal: over.signal });
          await write(continuation);
        }
      })().catch(() => undefined);
      return async () => {
        over.abort();
        await renewing;
      };
    },
  };
}

async function replace(
  store: Container,
  options: LeaseOptions,
  etag: string,
  continuation: string | null,
): Promise<string> {
  const accessCondition = { type: "IfMatch", condition: etag };
  const item = store.item(options.id, options.id);
  const written = await lostOn(412, () => item.replace(document(options, continuation), { accessCondition }));
  return written.etag;
}

async function lostOn<T>(status: number, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (error instanceof ErrorResponse && error.code === status)
      throw new LeaseLost("The lease was taken by another instance.", { cause: error });
    throw error;
  }
}

function document({ id, owner }: LeaseOptions, continuation: string | null): LeaseDocument {
  return { id, Owner: owner, ContinuationToken: continuation, timestamp: new Date().toISOString() };
}
