import { readFile } from "node:fs/promises";
import { trust } from "../../certificates.ts";
import { LocalError } from "../../service.ts";
import type { BlobCreated } from "../blob.ts";
import { setClockAhead } from "./clock.ts";
import type { HostOptions } from "../host.ts";

// The entry of the process that runs a test's app: one host per process.

export type FromParent =
  | {
      readonly start: Omit<HostOptions, "env" | "port" | "log" | "onBlobCreated" | "onQueueMessage"> & {
        readonly ca?: string;
        /** A free one unless given. */
        readonly port?: number;
        /** Milliseconds, see {@link setClockAhead}. */
        readonly clockAhead?: number;
      };
    }
  | { readonly stop: true }
  | { readonly clockAhead: number }
  | { readonly blob: BlobCreated }
  | { readonly queue: string };

const blobListeners: ((event: BlobCreated) => void)[] = [];
const queueListeners: ((queue: string) => void)[] = [];
const tell = (message: unknown) => process.send?.(message);
let close: (() => Promise<void>) | undefined;

async function take(message: FromParent): Promise<void> {
  if ("start" in message) {
    const { ca, clockAhead, ...options } = message.start;
    if (clockAhead !== undefined) setClockAhead(clockAhead);
    if (ca !== undefined) trust(await readFile(ca, "utf8"));
    const { startHost } = await import("../host.ts");
    const host = await startHost({
      port: 0,
      ...options,
      env: process.env,
      log: (line) => tell({ line }),
      onBlobCreated: (listener) => blobListeners.push(listener),
      onQueueMessage: (listener) => queueListeners.push(listener),
    });
    close = () => host.close();
    tell({ started: { url: host.url, functions: host.functions } });
  } else if ("stop" in message) {
    await close?.();
    // The library never closes the server it streams through.
    process.exit(0);
  } else if ("clockAhead" in message) setClockAhead(message.clockAhead);
  else if ("blob" in message)
    blobListeners.forEach((listen) => {
      listen(message.blob);
    });
  else
    queueListeners.forEach((listen) => {
      listen(message.queue);
    });
}

process.on("message", (message: FromParent) => {
  take(message).catch((error: unknown) => {
    tell({ failed: { name: error instanceof LocalError ? "LocalError" : "Error", message: String(error) } });
  });
});
