import type { MediaFacts } from "./identify.ts";
import { checkDuration, checkPixels, type MediaLimits } from "./limits.ts";
import { Rejection } from "./rejection.ts";
import { type ProcessLimits, run, ToolFailure } from "./run.ts";
import type { Tools } from "./tools.ts";

/** What every step of one preparation shares. */
export interface Workshop {
  readonly tools: Tools;
  readonly workDir: string;
  readonly limits: MediaLimits;
  readonly processLimits: ProcessLimits;
  /** Threads of one ffmpeg. */
  readonly threads: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * How any file is opened: by the one demuxer that fits what was identified, so that ffmpeg never guesses; nothing but
 * this file, whatever stands in it; no picture beyond the limit, whatever the container promised.
 */
export function opening(path: string, family: MediaFacts["family"], shop: Workshop): string[] {
  return [
    ...["-protocol_whitelist", "file", "-format_whitelist", "mov,matroska"],
    ...["-max_pixels", `${shop.limits.maxPixels}`, "-f", family, "-i", `file:${path}`],
  ];
}

/** What ffmpeg will make of the file's streams. */
export interface Streams {
  readonly video: {
    readonly index: number;
    readonly codec: string;
    readonly pixelFormat: string;
    /** After rotation, in square pixels. */
    readonly displayWidth: number;
    readonly displayHeight: number;
    readonly squarePixels: boolean;
    /** A display matrix of any kind. */
    readonly turned: boolean;
    /** The transfer function of an HDR picture, by ffmpeg's name. */
    readonly hdr: "smpte2084" | "arib-std-b67" | null;
  };
  readonly audio: { readonly index: number; readonly codec: string; readonly channels: number } | null;
  /** Names of the container's and streams' tags. */
  readonly tags: readonly string[];
}

interface ProbedStream {
  index: number;
  codec_type: string;
  codec_name?: string;
  pix_fmt?: string;
  width?: number;
  height?: number;
  channels?: number;
  sample_aspect_ratio?: string;
  color_transfer?: string;
  disposition?: { attached_pic?: number };
  side_data_list?: { side_data_type?: string; rotation?: number }[];
  tags?: Record<string, string>;
}

const readableVideo = ["h264", "hevc", "vp8", "vp9", "av1"];
const readableAudio = ["aac", "opus", "vorbis", "mp3", "flac", "alac", "ac3", "amr_nb", "amr_wb"];

/** Asks ffprobe for what the index does not say. Throws {@link Rejection} when nothing in it can be shown. */
export async function inspect(path: string, family: MediaFacts["family"], shop: Workshop): Promise<Streams> {
  const output = await probe(
    [...["-show_streams", "-show_format", "-of", "json"], ...opening(path, family, shop)],
    shop,
  );
  const { streams = [], format } = JSON.parse(output) as {
    streams?: ProbedStream[];
    format?: { tags?: Record<string, string> };
  };
  const video = streams.find(
    (stream) => readableVideo.includes(stream.codec_name ?? "") && stream.disposition?.attached_pic !== 1,
  );
  if (video === undefined) throw new Rejection("no_video_track", "ffprobe finds no video stream that can be shown");
  if (video.pix_fmt === undefined) throw new Rejection("corrupt", "no picture could be decoded");
  const sounds = streams.filter((stream) => stream.codec_type === "audio");
  const audio = sounds.find(({ codec_name: name = "" }) => readableAudio.includes(name) || name.startsWith("pcm_"));
  if (audio === undefined && sounds.length > 0)
    throw new Rejection("unsupported_format", `audio codec ${sounds[0]?.codec_name ?? "unknown"}`);
  return {
    video: { index: video.index, codec: video.codec_name ?? "", pixelFormat: video.pix_fmt, ...shape(video, shop) },
    audio: audio ? { index: audio.index, codec: audio.codec_name ?? "", channels: audio.channels ?? 1 } : null,
    tags: [format?.tags, ...streams.map((stream) => stream.tags)].flatMap((tags) => Object.keys(tags ?? {})),
  };
}

function shape(video: ProbedStream, shop: Workshop) {
  const { width = 0, height = 0, color_transfer: transfer } = video;
  checkPixels(width, height, shop.limits);
  const matrix = video.side_data_list?.find((data) => data.side_data_type === "Display Matrix");
  const sideways = Math.abs(Math.round(matrix?.rotation ?? 0)) % 180 === 90;
  const aspect = pixelAspect(video.sample_aspect_ratio);
  const wide = Math.max(2, Math.round(width * aspect));
  return {
    displayWidth: sideways ? height : wide,
    displayHeight: sideways ? wide : height,
    squarePixels: aspect === 1,
    turned: matrix !== undefined,
    hdr: transfer === "smpte2084" || transfer === "arib-std-b67" ? transfer : null,
  } as const;
}

/** Cameras use ratios near 1; an absurd one is a mistake or an attack, and is ignored. */
function pixelAspect(ratio = "1:1"): number {
  const [across, down] = ratio.split(":").map(Number);
  const aspect = (across ?? 0) / (down ?? 0);
  return aspect >= 0.25 && aspect <= 4 ? aspect : 1;
}

export interface Measured {
  readonly frames: number;
  /** On average; a browser's recorder keeps no steady rate. */
  readonly framesPerSecond: number;
  /** How long it plays: from the first picture or sound to the end of the last. */
  readonly durationMs: number;
  /** From the first picture to the end of the last. */
  readonly picturesMs: number;
  /** Where on the file's own clock the last picture ends, and the last of picture and sound. */
  readonly picturesEndMs: number;
  readonly endMs: number;
  /** The span of all tracks, those included that are not shown: what the container's header counts. */
  readonly tracksMs: number;
  /** The edit list hides pictures: somebody has cut the film on the phone, and what was cut off is still in the file. */
  readonly hidesPictures: boolean;
}

/**
 * Measures pictures and sound by walking over all packets without decoding: 0.0003 x duration. Headers lie, or say nothing.
 * Throws {@link Rejection} as soon as it is too long.
 */
export async function measure(
  path: string,
  family: MediaFacts["family"],
  { video, audio }: Pick<Streams, "audio" | "video">,
  shop: Workshop,
): Promise<Measured> {
  const [tracks, shown, pictures] = [new Span(), new Span(), new Span()];
  let frames = 0;
  let hidesPictures = false;
  const entries = ["-show_entries", "packet=stream_index,pts_time,duration_time,flags", "-of", "csv=p=0"];
  await probe([...entries, ...opening(path, family, shop)], shop, (line) => {
    const [stream, at, length, flags = ""] = line.split(",");
    const [begin, duration] = [Number(at), Number(length)];
    if (!Number.isFinite(begin)) return;
    const end = begin + (Number.isFinite(duration) ? duration : 0);
    tracks.extend(begin, end);
    const isPicture = Number(stream) === video.index;
    if (!isPicture && Number(stream) !== audio?.index) return;
    const hidden = flags.includes("D");
    if (isPicture) hidesPictures ||= hidden;
    if (hidden) return;
    shown.extend(begin, end);
    if (shown.ms > 2 * shop.limits.maxDurationMs) checkDuration(shown.ms, shop.limits);
    if (!isPicture) return;
    pictures.extend(begin, end);
    frames += 1;
  });
  if (frames === 0) throw new Rejection("corrupt", "it has a video track without pictures");
  const picturesMs = Math.max(1, pictures.ms);
  return {
    frames,
    framesPerSecond: (frames * 1000) / picturesMs,
    durationMs: Math.max(1, shown.ms),
    picturesMs,
    picturesEndMs: Math.max(1, Math.round(pictures.end * 1000)),
    endMs: Math.max(1, Math.round(shown.end * 1000)),
    tracksMs: tracks.ms,
    hidesPictures,
  };
}

/** Seconds from the earliest begin to the latest end. */
class Span {
  first = Infinity;
  end = -Infinity;

  extend(begin: number, end: number): void {
    this.first = Math.min(this.first, begin);
    this.end = Math.max(this.end, end);
  }

  get ms(): number {
    return Math.round((this.end - this.first) * 1000);
  }
}

async function probe(args: string[], shop: Workshop, onLine?: (line: string) => void): Promise<string> {
  const { tools, workDir: cwd, processLimits: limits, signal } = shop;
  try {
    return await run(tools.ffprobe, ["-v", "error", ...args], { cwd, limits, signal, ...(onLine && { onLine }) });
  } catch (error) {
    throw asRejection(error);
  }
}

/** A tool that refuses the file tells something about the file; any other failure is ours and stays what it is. */
export function asRejection(error: unknown): unknown {
  if (!(error instanceof ToolFailure) || error.reason !== "refused") return error;
  if (error.stderr.includes("exceeds specified max pixel count"))
    return new Rejection("too_large", "its pictures have more pixels than the container says", { cause: error });
  return new Rejection("corrupt", error.message, { cause: error });
}
