import { open, stat } from "node:fs/promises";
import type { RangeSource } from "../shared/storage/streams.ts";

/** Ranges of a file, counted. The caller closes it. */
export async function openSource(path: string): Promise<RangeSource & AsyncDisposable & { bytesRead(): number }> {
  const { size } = await stat(path);
  const file = await open(path);
  let read = 0;
  return {
    size,
    read: async (start, end) => {
      read += end - start;
      return (await file.read({ buffer: Buffer.alloc(end - start), position: start })).buffer;
    },
    bytesRead: () => read,
    [Symbol.asyncDispose]: () => file.close(),
  };
}
