import { join } from "node:path";
import { defaultLimits } from "../../../shared/media/limits.ts";
import { run } from "../../../shared/media/run.ts";
import type { Tools } from "../../../shared/media/tools.ts";
import type { Shape } from "./shape.ts";

/** The longest part is as long as a part of a stream, and a key picture begins it. */
const longestPartMs = 10_000;
/** The storyboard seeks to the middle of each second: there has to be a picture between there and the end. */
const longestPictureMs = 200;

/**
 * Writes `original.mp4` and returns its path: test bars that stand still, without sound and tags. One part is encoded and
 * repeated as it is, so an hour costs little more than ten seconds.
 */
export async function drawBars(
  { durationMs, width, height }: Shape,
  workDir: string,
  { ffmpeg }: Tools,
  signal: AbortSignal,
): Promise<string> {
  const parts = Math.ceil(durationMs / longestPartMs);
  const pictures = Math.ceil(durationMs / parts / longestPictureMs);
  const draw = (...args: string[]) =>
    run(ffmpeg, ["-nostdin", "-v", "error", "-xerror", "-y", ...args], { cwd: workDir, limits, signal });
  await draw(
    ...["-f", "lavfi", "-i", `smptebars=size=${width}x${height}:rate=${parts * pictures * 1000}/${durationMs}`],
    ...["-frames:v", `${pictures}`, "-vf", "setsar=1,format=yuv420p"],
    ...["-c:v", "libx264", "-preset", "ultrafast", "-crf", "35", "-g", `${pictures}`],
    // Without the notes in which an encoder tells its settings.
    ...["-metadata:s:v:0", "encoder=H.264", "-bsf:v", "filter_units=remove_types=6", ...mp4, "part.mp4"],
  );
  await draw("-stream_loop", `${parts - 1}`, "-i", "part.mp4", "-c", "copy", ...mp4, "original.mp4");
  return join(workDir, "original.mp4");
}

/** Bit-exact: without names of programs. Index first; a clock so fine that 361 parts add up to what is wanted, within 1 ms. */
const mp4 = [
  ...["-fflags", "+bitexact", "-flags", "+bitexact", "-movflags", "+faststart"],
  ...["-video_track_timescale", "1000000", "-f", "mp4"],
];

const limits = {
  cpuSeconds: 120,
  wallSeconds: 300,
  memoryBytes: 4 * 1024 ** 3,
  fileBytes: defaultLimits.maxBytes,
  openFiles: 64,
};
