import { open } from "node:fs/promises";
import { join } from "node:path";

/** The lines that the stack's app has logged behind the place. */
export async function logLines(dataDir: string, start: number): Promise<readonly string[]> {
  await using file = await open(join(dataDir, "functions.log"));
  const { size } = await file.stat();
  const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.max(size - start, 0)), { position: start });
  return buffer
    .toString("utf8", 0, bytesRead)
    .split("\n")
    .filter((line) => line !== "");
}

/** Where the log ends now. */
export async function logSize(dataDir: string): Promise<number> {
  await using file = await open(join(dataDir, "functions.log"));
  return (await file.stat()).size;
}
