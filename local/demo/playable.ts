import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, open, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { LocalError } from "../service.ts";

/** What ffprobe finds in a file after it has read every packet of it. */
export interface Probe {
  readonly seconds: number;
  readonly codecs: readonly string[];
  readonly width: number;
  readonly height: number;
  /** Pictures that are there, and that the file's index promises. */
  readonly frames: number;
  readonly framesPromised: number;
  /** Names of tags that tell where or with what it was recorded. */
  readonly revealing: readonly string[];
}

interface Answer {
  readonly streams?: readonly {
    readonly codec_name: string;
    readonly codec_type: string;
    readonly width?: number;
    readonly height?: number;
    readonly nb_frames?: string;
    readonly nb_read_packets?: string;
    readonly tags?: Record<string, string>;
  }[];
  readonly format?: { readonly duration?: string; readonly tags?: Record<string, string> };
}

/** Reads the file or URL to its end. Throws {@link LocalError} with ffprobe's words for what it cannot read. */
export async function probe(ffprobe: string, input: string): Promise<Probe> {
  const what =
    "format=duration:format_tags:stream=codec_name,codec_type,width,height,nb_frames,nb_read_packets:stream_tags";
  const { streams = [], format = {} } = await answerOf(ffprobe, [
    ...["-v", "error", "-protocol_whitelist", "file,http,https,tcp,tls"],
    ...["-count_packets", "-show_entries", what, "-of", "json", input],
  ]);
  const picture = streams.find(({ codec_type }) => codec_type === "video");
  const tags = [format.tags ?? {}, ...streams.map((stream) => stream.tags ?? {})].flatMap(Object.keys);
  return {
    seconds: Number(format.duration ?? 0),
    codecs: streams.map(({ codec_name }) => codec_name),
    width: picture?.width ?? 0,
    height: picture?.height ?? 0,
    frames: Number(picture?.nb_read_packets ?? 0),
    framesPromised: Number(picture?.nb_frames ?? 0),
    revealing: tags.filter((name) => /location|model|make|software/iu.test(name)),
  };
}

async function answerOf(ffprobe: string, args: readonly string[]): Promise<Answer> {
  try {
    const { stdout } = await promisify(execFile)(ffprobe, args, { timeout: 120_000, maxBuffer: 4 * 2 ** 20 });
    return JSON.parse(stdout) as Answer;
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim().split("\n").at(-1);
    throw new LocalError(`ffprobe cannot read it: ${said === undefined || said === "" ? "no reason given" : said}`, {
      cause: error,
    });
  }
}

export interface Download extends AsyncDisposable {
  readonly path: string;
  readonly size: number;
  /** Hex. */
  readonly sha256: string;
}

/** Downloads to a file that is gone with this one's end. */
export async function download(url: string): Promise<Download> {
  const folder = await mkdtemp(join(tmpdir(), "callpilot-demo-"));
  const path = join(folder, "video.mp4");
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const answer = await fetch(url);
    if (!answer.ok || answer.body === null) throw new LocalError(`The playable URL answered ${answer.status}.`);
    const hash = createHash("sha256");
    let size = 0;
    await using file = await open(path, "w");
    for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
      hash.update(chunk);
      size += chunk.length;
      await file.writeFile(chunk);
    }
    return { path, size, sha256: hash.digest("hex"), [Symbol.asyncDispose]: remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Leaves the first half of the file. */
export async function cut({ path, size }: Download): Promise<void> {
  await truncate(path, Math.floor(size / 2));
}
