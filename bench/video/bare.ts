import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

/** The programs as anybody would call them: no limits, no options for safety, no checks. */
export function commands(cwd: string) {
  const program = (name: string, fixed: readonly string[]) => async (args: readonly string[]) => {
    const child = spawn(name, [...fixed, ...args], { cwd, stdio: ["ignore", "ignore", "inherit"] });
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", resolve);
    });
    if (code !== 0) throw new Error(`${name} ended with ${code ?? "a signal"}`);
  };
  return {
    ffmpeg: program("ffmpeg", ["-nostdin", "-v", "error", "-y"]),
    sha256sum: program("sha256sum", []),
  };
}

export interface BareList {
  readonly method: "remux" | "transcode";
  readonly path: string;
  readonly seconds: number;
  readonly folder: string;
}

const stills = 30;

/**
 * The list of jobs that make a video ready, one after the other: hash of the original, MP4, hash of the MP4, poster,
 * storyboard by as many seeks, hashes of both. Pictures are of the sizes and qualities that Callpilot makes.
 */
export async function bareList({ method, path, seconds, folder }: BareList): Promise<void> {
  const { ffmpeg, sha256sum } = commands(folder);
  await sha256sum([path]);
  const plain = ["-map", "0:v:0", "-map", "0:a:0?", "-map_metadata", "-1", "-movflags", "+faststart"];
  await ffmpeg(["-i", path, ...(method === "remux" ? ["-c", "copy"] : transcode), ...plain, "video.mp4"]);
  await sha256sum(["video.mp4"]);
  const jpeg = ["-frames:v", "1", "-q:v", "4"];
  await ffmpeg(["-ss", `${seconds / 10}`, "-i", "video.mp4", "-an", "-vf", "thumbnail=25", ...jpeg, "poster.jpg"]);
  await storyboard(folder, Math.min(stills, Math.max(1, Math.floor(seconds))), seconds);
  await sha256sum(["poster.jpg"]);
  await sha256sum(["storyboard.jpg"]);
}

const transcode = [
  ...["-vf", "scale='min(1280,iw)':'min(1280,ih)':force_original_aspect_ratio=decrease:force_divisible_by=2"],
  ...["-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "128k"],
];

/** Six inputs to a command: fewer commands than stills, and no more decoders at once than are good. */
async function storyboard(folder: string, count: number, seconds: number): Promise<void> {
  const { ffmpeg } = commands(folder);
  const times = Array.from({ length: count }, (_, index) => ((index + 0.5) * seconds) / count);
  const tiles: string[] = [];
  for (let first = 0; first < count; first += 6) {
    const some = times.slice(first, first + 6);
    const names = some.map((_, index) => `tile-${String(first + index).padStart(2, "0")}.bmp`);
    const inputs = some.flatMap((at) => ["-ss", `${at}`, "-i", "video.mp4"]);
    const outputs = names.flatMap((name, index) => [
      ...["-map", `${index}:v:0`, "-vf", "scale=192:-2", "-frames:v", "1", name],
    ]);
    await ffmpeg([...inputs, ...outputs]);
    tiles.push(...names);
  }
  await writeFile(join(folder, "tiles.txt"), tiles.map((name) => `file '${name}'\n`).join(""));
  const across = Math.min(6, count);
  const layout = `tile=${across}x${Math.ceil(count / across)}`;
  await ffmpeg(["-f", "concat", "-i", "tiles.txt", "-vf", layout, "-frames:v", "1", "-q:v", "5", "storyboard.jpg"]);
}
