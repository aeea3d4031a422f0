import { join } from "node:path";
import type { MediaFacts } from "./identify.ts";
import { asRejection, type Measured, opening, type Streams, type Workshop } from "./inspect.ts";
import { progressOf, run } from "./run.ts";

export type Method = "remux" | "transcode";

export interface Source {
  readonly path: string;
  readonly facts: MediaFacts;
  readonly streams: Streams;
  readonly measured: Measured;
}

/** What is copied as it is; anything beyond is made smaller. Phones play it, and 8 Mbit/s still stream over a network. */
const copied = { longestSide: 1920, bitsPerSecond: 8_000_000, framesPerSecond: 61 };
const longestSide = 1280;

/** H.264 as every browser plays it, upright, in square pixels, of moderate size: its pictures need no work. */
export function methodFor({ facts, streams, measured }: Source): Method {
  const { video } = streams;
  const seconds = measured.durationMs / 1000;
  const playable =
    video.codec === "h264" &&
    (video.pixelFormat === "yuv420p" || video.pixelFormat === "yuvj420p") &&
    !video.turned &&
    !facts.video.mirrored &&
    facts.video.rotation === 0 &&
    video.squarePixels &&
    video.hdr === null &&
    !measured.hidesPictures;
  const moderate =
    Math.max(video.displayWidth, video.displayHeight) <= copied.longestSide &&
    (facts.sizeBytes * 8) / seconds <= copied.bitsPerSecond &&
    measured.framesPerSecond <= copied.framesPerSecond;
  return playable && moderate ? "remux" : "transcode";
}

/**
 * CPU seconds that encoding will take, for admission, limits and progress: on two x86-64 cores of 2024, 0.5 for a second of
 * 720p, 0.8 for 1080p HEVC, growing with the pixels to decode. A rate that is not known is taken to be 30.
 */
export function estimatedCpuSeconds(
  { video }: MediaFacts,
  method: Method,
  { durationMs, framesPerSecond = 30 }: { durationMs: number; framesPerSecond?: number },
): number {
  const seconds = durationMs / 1000;
  if (method === "remux") return 0.3 + seconds * 0.001;
  const megapixels = (video.width * video.height * Math.min(framesPerSecond, 240)) / 1e6;
  return seconds * (0.3 + megapixels * 0.008);
}

/**
 * Writes `video.mp4`: H.264 and AAC, index first, upright, without tags, chapters, other tracks and whatever followed the
 * media. Throws a Rejection when the pictures or sound cannot be decoded.
 */
export async function encode(
  source: Source,
  method: Method,
  shop: Workshop,
  onProgress: (fraction: number) => void,
): Promise<string> {
  const path = join(shop.workDir, "video.mp4");
  const { durationMs } = source.measured;
  const args = [
    ...["-nostdin", "-v", "error", "-xerror", "-y", "-progress", "pipe:1", "-stats_period", "0.5"],
    ...["-threads", `${shop.threads}`, ...opening(source.path, source.facts.family, shop)],
    ...[
      "-map",
      `0:${source.streams.video.index}`,
      ...(method === "remux" ? copyVideo : await encodeVideo(source, shop)),
    ],
    ...audio(source.streams.audio),
    // It was measured to be this long; what comes beyond is broken time stamps.
    ...["-t", `${durationMs / 1000 + 1}`, "-map_metadata", "-1", "-map_chapters", "-1"],
    // Bit-exact: neither times nor names and versions of encoders.
    ...["-fflags", "+bitexact", "-flags", "+bitexact", "-movflags", "+faststart", "-f", "mp4", "video.mp4"],
  ];
  try {
    await run(shop.tools.ffmpeg, args, {
      cwd: shop.workDir,
      limits: shop.processLimits,
      signal: shop.signal,
      onLine: progressOf(durationMs, onProgress),
    });
    return path;
  } catch (error) {
    throw asRejection(error);
  }
}

/** SEI units (type 6) may carry place and device, or an encoder's settings; nothing needs them to show the pictures. */
const withoutNotes = ["-bsf:v", "filter_units=remove_types=6"];
const copyVideo = ["-c:v", "copy", ...withoutNotes];

async function encodeVideo({ streams, measured }: Source, shop: Workshop): Promise<string[]> {
  const { video } = streams;
  const { width, height } = fitted(video.displayWidth, video.displayHeight, longestSide);
  const filters = [
    ...(video.squarePixels ? [] : ["scale='max(2,trunc(iw*sar/2)*2)':ih", "setsar=1"]),
    // Slow motion has 120 or 240 pictures a second; a recorder's have no fixed rate at all and keep their times.
    ...(measured.framesPerSecond > copied.framesPerSecond ? ["fps=30"] : []),
    // The size is stated, not derived: a phone turned while it records changes the size of its pictures midway.
    `scale=${width}:${height}:force_original_aspect_ratio=decrease:force_divisible_by=2`,
    `pad=${width}:${height}:-1:-1`,
    "setsar=1",
    ...(video.hdr !== null && (await canToneMap(shop)) ? toneMap(video.hdr) : []),
    "format=yuv420p",
  ];
  return [
    ...["-vf", filters.join(","), "-fps_mode", "vfr", "-c:v", "libx264", "-preset", "veryfast", "-crf", "23"],
    // A key picture every two seconds makes jumping about, and the storyboard, quick.
    ...["-threads:v", `${shop.threads}`, "-force_key_frames", "expr:gte(t,n_forced*2)"],
    ...["-metadata:s:v:0", "encoder=H.264", ...withoutNotes],
  ];
}

function audio(track: Streams["audio"]): string[] {
  if (track === null) return ["-an"];
  const chosen = ["-map", `0:${track.index}`];
  if (track.codec === "aac" && track.channels <= 2) return [...chosen, "-c:a", "copy"];
  // A recorder leaves gaps while the microphone is silent; filled, sound and picture stay together.
  const stereo = track.channels > 2 ? ["-ac", "2"] : [];
  return [...chosen, "-af", "aresample=async=1", "-c:a", "aac", "-b:a", "128k", ...stereo];
}

/** The largest even size within `side` x `side` that keeps the proportions; never larger than the picture is. */
export function fitted(width: number, height: number, side: number): { width: number; height: number } {
  const factor = Math.min(1, side / Math.max(width, height));
  const even = (length: number) => Math.max(2, 2 * Math.round((length * factor) / 2));
  return { width: even(width), height: even(height) };
}

/** HDR shown as it is looks grey; a build without zscale still gives a picture. */
async function canToneMap({ tools, workDir: cwd, processLimits: limits, signal }: Workshop): Promise<boolean> {
  const filters = await run(tools.ffmpeg, ["-hide_banner", "-v", "error", "-filters"], { cwd, limits, signal });
  return [" zscale ", " tonemap "].every((filter) => filters.includes(filter));
}

/**
 * BT.2020 to BT.709 in linear light. White is 203 cd/m² (ITU-R BT.2408, 2.1), so that what is darker stays as it is, and
 * only what is brighter, to five times of that, is pressed together.
 */
function toneMap(transfer: "smpte2084" | "arib-std-b67"): string[] {
  return [
    `zscale=pin=bt2020:tin=${transfer}:min=2020_ncl:rin=tv:t=linear:npl=203`,
    "format=gbrpf32le",
    "zscale=p=bt709",
    "tonemap=tonemap=mobius:param=0.7:desat=0:peak=5",
    "zscale=t=bt709:m=bt709:r=tv",
  ];
}
