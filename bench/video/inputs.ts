import { access, mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { commands } from "./bare.ts";

/** Recordings of a length, made once from ffmpeg's own sources and kept in `.cache/bench`. */

const cache = join(import.meta.dirname, "..", "..", ".cache", "bench");

/** As a phone records: HEVC, 1080p, 30 pictures a second, about 8 Mbit/s. It is transcoded. */
export function phoneRecording(seconds: number): Promise<string> {
  const codec = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error", "-tag:v", "hvc1"];
  return looped(`phone-${seconds}s.mov`, seconds, "1920x1080", [...codec, "-b:v", "8M"]);
}

/** What may be copied as it is: H.264, 720p, 30 pictures a second. */
export function copyableRecording(seconds: number, megabits = 2): Promise<string> {
  const rate = ["-b:v", `${megabits}M`, "-minrate", `${megabits}M`, "-maxrate", `${megabits}M`, "-bufsize", "2M"];
  const codec = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", ...rate, "-g", "60"];
  return looped(`copyable-${seconds}s-${megabits}M.mp4`, seconds, "1280x720", codec);
}

/** A file of that size that begins as an MP4 does and is none. */
export function wrongFile(bytes: number): Promise<string> {
  return made(`wrong-${bytes}.mp4`, async (path) => {
    await using file = await open(path, "w");
    const head = Buffer.alloc(32);
    head.writeUInt32BE(24);
    head.write("ftypisom", 4);
    head.writeUInt32BE(0xff_ff_ff_ff, 24);
    head.write("free", 28);
    await file.write(head);
    await file.truncate(bytes);
  });
}

const partSeconds = 15;

async function looped(name: string, seconds: number, size: string, codec: readonly string[]): Promise<string> {
  return await made(name, async (path) => {
    const part = `${path}.part.mov`;
    const { ffmpeg } = commands(cache);
    await ffmpeg([
      ...["-f", "lavfi", "-i", `testsrc2=size=${size}:rate=30:duration=${partSeconds}`],
      ...["-f", "lavfi", "-i", `anoisesrc=amplitude=0.1:duration=${partSeconds}`],
      // Noise that moves, as a camera's sensor gives: without it everything is too easy to decode and encode.
      ...["-vf", "noise=alls=12:allf=t,format=yuv420p", ...codec, "-c:a", "aac", "-b:a", "128k", part],
    ]);
    const times = Math.ceil(seconds / partSeconds) - 1;
    await ffmpeg(["-stream_loop", `${times}`, "-i", part, "-t", `${seconds}`, "-c", "copy", path]);
    await rm(part);
  });
}

async function made(name: string, make: (path: string) => Promise<void>): Promise<string> {
  await mkdir(cache, { recursive: true });
  const path = join(cache, name);
  const there = await access(path).then(
    () => true,
    () => false,
  );
  if (!there) {
    const draft = join(cache, `draft-${name}`);
    await make(draft);
    await rename(draft, path);
  }
  return path;
}
