import { availableParallelism } from "node:os";
import { encode, estimatedCpuSeconds, type Method, methodFor, type Source } from "./encode.ts";
import { type FileFacts, hashFile } from "./hash.ts";
import type { MediaFacts } from "./identify.ts";
import { inspect, measure, type Measured, type Workshop } from "./inspect.ts";
import { checkDuration, checkShortest, type MediaLimits } from "./limits.ts";
import { Rejection } from "./rejection.ts";
import { type Cue, makePoster, makeStoryboard, type Storyboard, type Video } from "./stills.ts";
import { type Tools, tools as ownTools } from "./tools.ts";

export interface PrepareInput {
  /** The original, already streamed to a file. */
  readonly path: string;
  readonly facts: MediaFacts;
  /** An existing, empty folder of this preparation alone. Results are left in it; its owner removes it, also after a crash. */
  readonly workDir: string;
  readonly limits: MediaLimits;
  readonly signal?: AbortSignal;
  /** Told the fraction of the estimated work that is done: 0..1, never less than before, 1 at the very end. */
  readonly onProgress?: (fraction: number) => void;
  /** ffmpeg and ffprobe; this process's own if left out. */
  readonly tools?: Tools;
  /** Threads of an ffmpeg, and how many of them run side by side for stills: the cores of the worker. */
  readonly threads?: number;
}

export interface PreparedVideo extends FileFacts {
  /** How long it plays, as a browser tells: until the last of picture and sound has ended. */
  readonly durationMs: number;
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  readonly videoCodec: "h264";
  readonly audioCodec: "aac" | null;
  readonly method: Method;
}

export interface Prepared {
  readonly video: PreparedVideo;
  readonly poster: FileFacts;
  readonly storyboard: FileFacts & { readonly width: number; readonly height: number; readonly cues: readonly Cue[] };
}

/**
 * Makes of an identified recording what a reviewer is shown: an MP4 that every browser plays, a poster, a storyboard.
 * Throws {@link Rejection} when the recording is at fault, ToolFailure when it may go better next time, and the signal's
 * reason when aborted. Every path out leaves no process behind.
 */
export async function prepare(input: PrepareInput): Promise<Prepared> {
  const { path, facts, limits } = input;
  const bench = workshop(input, input.tools ?? (await ownTools()));
  const streams = await inspect(path, facts.family, bench);
  const measured = await measure(path, facts.family, streams, bench);
  checkDuration(measured.durationMs, limits);
  checkShortest(measured.picturesMs, limits);
  checkPromise(facts, measured);
  const source: Source = { path, facts, streams, measured };
  const shop = withTimeFor(source, bench);
  const progress = new Progress(source, input.onProgress);
  const made = await makeVideo(source, shop, progress);
  const { poster, storyboard } = await makeStills(made, shop, progress);
  const [videoFile, posterFile, storyboardFile] = await Promise.all([
    hashFile(made.path, input.signal),
    hashFile(poster, input.signal),
    hashFile(storyboard.path, input.signal),
  ]);
  progress.finish();
  return {
    video: {
      ...videoFile,
      durationMs: made.durationMs,
      width: made.width,
      height: made.height,
      frames: made.frames,
      videoCodec: "h264",
      audioCodec: streams.audio === null ? null : "aac",
      method: made.method,
    },
    poster: posterFile,
    storyboard: {
      ...storyboardFile,
      width: storyboard.width,
      height: storyboard.height,
      cues: storyboard.cues,
    },
  };
}

function workshop(input: PrepareInput, tools: Tools): Workshop {
  const { workDir, limits, signal, threads = availableParallelism() } = input;
  const processLimits = {
    ...runtime(120),
    memoryBytes: 4 * 1024 ** 3,
    fileBytes: limits.maxBytes,
    openFiles: 256,
  };
  return { tools, workDir, limits, processLimits, threads: Math.min(threads, maxThreads), signal };
}

function runtime(cpuSeconds: number): { cpuSeconds: number; wallSeconds: number } {
  return { cpuSeconds, wallSeconds: cpuSeconds + 60 };
}

/** Three times what a film of this kind costs; one that wants more is an attack or a fault. */
function withTimeFor({ facts, measured }: Source, shop: Workshop): Workshop {
  const cpuSeconds = 60 + 3 * estimatedCpuSeconds(facts, "transcode", measured);
  return { ...shop, processLimits: { ...shop.processLimits, ...runtime(cpuSeconds) } };
}

/** More of them cost memory and gain little at the sizes that are made here. */
const maxThreads = 4;

/** A container that promises more than there is was cut off; ffmpeg itself would end without complaint. */
function checkPromise(facts: MediaFacts, measured: Measured): void {
  const promised = facts.durationMs ?? 0;
  if (measured.tracksMs < promised - Math.max(1000, promised * 0.05))
    throw new Rejection("corrupt", `promises ${promised} ms, has ${measured.tracksMs} ms`);
}

interface MadeVideo extends Video {
  readonly frames: number;
  readonly method: Method;
}

/** What cannot be copied may still be playable: broken time stamps, for one. So a failed remux is tried as a transcode. */
async function makeVideo(source: Source, shop: Workshop, progress: Progress): Promise<MadeVideo> {
  const method = methodFor(source);
  if (method === "remux") {
    try {
      return await makeAndVerify(source, method, shop, progress);
    } catch (error) {
      if (!(error instanceof Rejection)) throw error;
    }
  }
  return makeAndVerify(source, "transcode", shop, progress);
}

async function makeAndVerify(source: Source, method: Method, shop: Workshop, progress: Progress): Promise<MadeVideo> {
  const path = await encode(source, method, shop, (fraction) => {
    progress.encoded(fraction);
  });
  progress.encoded(1);
  return { path, method, ...(await verify(path, source, method, shop)) };
}

/** An exit code of 0 is no proof of success. The pictures must be there, all of them, and nothing else. */
async function verify(path: string, source: Source, method: Method, shop: Workshop) {
  const streams = await inspect(path, "mov", shop);
  const { video, audio, tags } = streams;
  const measured = await measure(path, "mov", streams, shop);
  const { picturesMs, durationMs, frames } = source.measured;
  const tolerance = Math.max(500, picturesMs * 0.02, (2 * picturesMs) / frames);
  if (Math.abs(measured.picturesMs - picturesMs) > tolerance)
    throw new Rejection("corrupt", `of ${picturesMs} ms, ${measured.picturesMs} ms could be decoded`);
  if (Math.abs(measured.durationMs - durationMs) > Math.max(tolerance, durationMs * 0.02))
    throw new Rejection("corrupt", `of ${durationMs} ms, ${measured.durationMs} ms could be decoded`);
  // The last picture of a recording that does not say how long it lasts is hidden by the edit list that is made.
  if (method === "remux" && Math.abs(measured.frames - frames) > 1)
    throw new Rejection("corrupt", `of ${frames} pictures, ${measured.frames} could be copied`);
  if ((audio === null) !== (source.streams.audio === null)) throw new Rejection("corrupt", "its sound is lost");
  const extra = tags.filter((tag) => !harmlessTags.includes(tag));
  if (video.codec !== "h264" || video.turned || !video.squarePixels || extra.length > 0)
    throw new Error(`The prepared video is not as it should be: ${video.codec}, tags ${extra.join(", ") || "none"}.`);
  return {
    durationMs: measured.endMs,
    picturesEndMs: measured.picturesEndMs,
    frames: measured.frames,
    width: video.displayWidth,
    height: video.displayHeight,
  };
}

/** Written by the muxer itself. */
const harmlessTags = [
  "major_brand",
  "minor_version",
  "compatible_brands",
  "language",
  "handler_name",
  "vendor_id",
  "encoder",
];

/** A remux decodes nothing, so its stills are also the proof that there is something to see. */
async function makeStills(
  video: MadeVideo,
  shop: Workshop,
  progress: Progress,
): Promise<{ poster: string; storyboard: Storyboard }> {
  const storyboard = await makeStoryboard(video, shop, (fraction) => {
    progress.pictured(fraction);
  });
  if (storyboard === null || storyboard.cues.length * 2 < storyboard.wanted)
    throw new Rejection("corrupt", `of ${storyboard?.wanted ?? 0} stills, ${storyboard?.cues.length ?? 0} can be seen`);
  return { poster: await makePoster(video, shop), storyboard };
}

/** Weighs the steps by the seconds that they are estimated to take. */
class Progress {
  readonly #report: ((fraction: number) => void) | undefined;
  readonly #encoding: number;
  #reported = 0;

  constructor(source: Source, report: ((fraction: number) => void) | undefined) {
    const encoding = estimatedCpuSeconds(source.facts, methodFor(source), source.measured);
    const stills = 3;
    this.#encoding = encoding / (encoding + stills);
    this.#report = report;
  }

  encoded(fraction: number): void {
    this.#reach(this.#encoding * fraction);
  }

  pictured(fraction: number): void {
    this.#reach(this.#encoding + (0.99 - this.#encoding) * fraction);
  }

  finish(): void {
    this.#reach(1);
  }

  #reach(fraction: number): void {
    if (fraction <= this.#reported) return;
    this.#reported = fraction;
    this.#report?.(fraction);
  }
}
