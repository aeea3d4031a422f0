import { spawn } from "node:child_process";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { skipped } from "../skipped.ts";

/** Runs the tests of video processing with what `npm run ffmpeg` built, in the place of the system's ffmpeg. */
const folder = join(import.meta.dirname, "..", "..", ".cache", "ffmpeg");
const [ffmpeg, ffprobe] = [join(folder, "ffmpeg"), join(folder, "ffprobe")];
const subjects = ["shared/media", "tests/journeys/videos.test.ts", "tests/journeys/uploads.test.ts"];

try {
  await access(ffmpeg);
  const child = spawn("vitest", ["run", ...subjects], {
    env: { ...process.env, FFMPEG_PATH: ffmpeg, FFPROBE_PATH: ffprobe },
    stdio: "inherit",
  });
  process.exitCode = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      resolve(code ?? 1);
    });
  });
} catch (error) {
  if ((error as NodeJS.ErrnoException).path !== ffmpeg) throw error;
  console.error("ffmpeg: nothing is built yet: npm run ffmpeg");
  process.exitCode = skipped;
}
