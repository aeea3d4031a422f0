import { execFile } from "node:child_process";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

/** Writes one recording to the path. `clip` gives the path of another one, by name, that it is made from. */
export type Recipe = (to: string, clip: (name: string) => Promise<string>) => Promise<unknown>;

export const cache = join(import.meta.dirname, "..", "..", ".cache", "clips");

export const picture = (seconds: number, rate = 25) => [
  "-f",
  "lavfi",
  "-i",
  `testsrc=size=320x240:rate=${rate}:duration=${seconds}`,
];

/** What {@link marked} shows in its corners and in the middle, in red, green and blue: upright, and in its own light. */
export const marks = {
  topLeft: [255, 0, 0],
  topRight: [0, 255, 0],
  bottomLeft: [0, 0, 255],
  bottomRight: [255, 255, 255],
  middle: [128, 128, 128],
} as const;

const colour = ([red, green, blue]: readonly [number, number, number]) =>
  `0x${Buffer.from([red, green, blue]).toString("hex")}`;

/** Grey, with a mark of its own in each corner: however it is turned or mirrored, the marks tell. */
export const marked = (seconds: number, size = "320x240", rate = 25) => [
  ...["-f", "lavfi", "-i"],
  [
    `color=${colour(marks.middle)}:size=${size}:rate=${rate}:duration=${seconds},format=rgb24`,
    `drawbox=0:0:iw/4:ih/4:${colour(marks.topLeft)}:fill`,
    `drawbox=iw-iw/4:0:iw/4:ih/4:${colour(marks.topRight)}:fill`,
    `drawbox=0:ih-ih/4:iw/4:ih/4:${colour(marks.bottomLeft)}:fill`,
    `drawbox=iw-iw/4:ih-ih/4:iw/4:ih/4:${colour(marks.bottomRight)}:fill`,
  ].join(","),
];

export const sound = (seconds: number) => ["-f", "lavfi", "-i", `sine=frequency=440:duration=${seconds}`];
export const h264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"];
export const aac = ["-c:a", "aac", "-b:a", "64k"];
export const hevc = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error", "-tag:v", "hvc1"];
export const vp8 = ["-c:v", "libvpx", "-pix_fmt", "yuv420p", "-deadline", "realtime", "-cpu-used", "8"];
export const vp9 = ["-c:v", "libvpx-vp9", "-pix_fmt", "yuv420p", "-deadline", "realtime", "-cpu-used", "8"];

/** A file of its own for every process that makes the same clip; what is finished is renamed into place. */
export async function draft(extension: string): Promise<AsyncDisposable & { path: string }> {
  await mkdir(cache, { recursive: true });
  const path = join(cache, `draft-${crypto.randomUUID()}.${extension}`);
  return { path, [Symbol.asyncDispose]: () => rm(path, { force: true }) };
}

/** Runs ffmpeg and gives what it wrote to its output. */
export async function ffmpeg(...args: string[]): Promise<Buffer> {
  const { stdout } = await promisify(execFile)("ffmpeg", ["-nostdin", "-v", "error", "-y", ...args], {
    encoding: "buffer",
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}
