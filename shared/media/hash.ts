import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Rejection } from "./rejection.ts";

export interface FileFacts {
  readonly path: string;
  readonly size: number;
  /** SHA-256 of the content, lower-case hexadecimal. */
  readonly sha256: string;
}

/**
 * Writes a stream to a new file while hashing it; memory stays flat however large it is.
 * Throws {@link Rejection} `too_large` at the first byte beyond `maxBytes`. What was written so far is left to the owner of
 * the folder, who removes it whole.
 */
export async function saveHashed(
  source: Readable | AsyncIterable<Uint8Array>,
  path: string,
  maxBytes: number,
  options: { signal?: AbortSignal; onBytes?: (written: number) => void } = {},
): Promise<FileFacts> {
  const hash = createHash("sha256");
  let size = 0;
  await pipeline(
    source,
    async function* (chunks: AsyncIterable<Uint8Array>) {
      for await (const chunk of chunks) {
        size += chunk.length;
        if (size > maxBytes) throw new Rejection("too_large", `more than ${maxBytes} bytes`);
        hash.update(chunk);
        options.onBytes?.(size);
        yield chunk;
      }
    },
    createWriteStream(path, { flags: "wx", mode: 0o600 }),
    { signal: options.signal },
  );
  return { path, size, sha256: hash.digest("hex") };
}

export async function hashFile(path: string, signal?: AbortSignal): Promise<FileFacts> {
  return { path, ...(await hashStream(createReadStream(path, { highWaterMark: 1024 * 1024 }), signal)) };
}

export async function hashStream(source: Readable, signal?: AbortSignal): Promise<Omit<FileFacts, "path">> {
  const hash = createHash("sha256");
  let size = 0;
  await pipeline(
    source,
    async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) {
        size += chunk.length;
        hash.update(chunk);
      }
    },
    { signal },
  );
  return { size, sha256: hash.digest("hex") };
}
