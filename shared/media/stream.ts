import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type FileFacts, hashFile } from "./hash.ts";
import { opening, type Workshop } from "./inspect.ts";
import { defaultLimits } from "./limits.ts";
import { run } from "./run.ts";
import { type Tools, tools as ownTools } from "./tools.ts";

export interface StreamInput {
  /** A video as `prepare` makes it. */
  readonly path: string;
  /** An existing folder, in which `stream.mp4` and `stream.m3u8` are left. */
  readonly workDir: string;
  readonly signal?: AbortSignal;
  readonly tools?: Tools;
}

/** A video in parts, for players that take HLS. */
export interface Stream {
  /** Fragmented MP4: one file, of which players fetch ranges. */
  readonly media: FileFacts;
  /** The HLS playlist of these ranges (RFC 8216, 4.3.2.2); it names the file {@link mediaName}. */
  readonly playlist: FileFacts;
}

const mediaName = "stream.mp4";

/** A part begins at a key picture, so it lasts at least so long. Longer ones make fewer lines, each of which has a grant. */
const partSeconds = 10;

/**
 * Packs a video anew, copying pictures and sound: a hundredth of a second for each minute. Throws ToolFailure, and the
 * signal's reason when aborted.
 */
export async function makeStream({ path, workDir, signal, tools }: StreamInput): Promise<Stream> {
  const shop = workshop(workDir, signal, tools ?? (await ownTools()));
  await run(
    shop.tools.ffmpeg,
    [
      ...["-nostdin", "-v", "error", "-y", "-threads", "1", ...opening(path, "mov", shop)],
      ...["-map", "0:v:0", "-map", "0:a:0?", "-c", "copy", "-map_metadata", "-1", "-fflags", "+bitexact"],
      ...["-f", "hls", "-hls_time", `${partSeconds}`, "-hls_playlist_type", "vod", "-hls_segment_type", "fmp4"],
      ...["-hls_flags", "single_file", "-hls_segment_filename", mediaName, "stream.m3u8"],
    ],
    { cwd: workDir, limits: shop.processLimits, signal },
  );
  const [media, playlist] = await Promise.all(
    [mediaName, "stream.m3u8"].map((name) => hashFile(join(workDir, name), signal)),
  );
  if (media === undefined || playlist === undefined) throw new Error("a stream without files");
  checkRanges(await readFile(playlist.path, "utf8"), media.size);
  return { media, playlist };
}

function workshop(workDir: string, signal: AbortSignal | undefined, tools: Tools): Workshop {
  const processLimits = {
    cpuSeconds: 120,
    wallSeconds: 300,
    memoryBytes: 4 * 1024 ** 3,
    // Each fragment has an index of its own.
    fileBytes: defaultLimits.maxBytes + 64 * 1024 ** 2,
    openFiles: 64,
  };
  return { tools, workDir, limits: defaultLimits, processLimits, threads: 1, signal };
}

/** An exit code of 0 is no proof of success: the parts must be the whole file, one after the other. */
function checkRanges(playlist: string, size: number): void {
  let end = 0;
  for (const [, length = "", at = ""] of playlist.matchAll(/BYTERANGE[=:]"?(\d+)@(\d+)/gu)) {
    if (Number(at) !== end) break;
    end += Number(length);
  }
  if (end !== size) throw new Error(`The parts of the stream are ${end} of its ${size} bytes.`);
}

/** The playlist with the file under that address, wherever it is played from: relative ones would lose the grant. */
export function withAddress(playlist: string, url: string): string {
  return playlist
    .split("\n")
    .map((line) => (line === mediaName ? url : line.replace(`URI="${mediaName}"`, () => `URI="${url}"`)))
    .join("\n");
}
