import { access } from "node:fs/promises";
import { join } from "node:path";
import { skipped } from "../skipped.ts";
import { runVitest } from "../vitest.ts";

/** Runs the tests of video processing with what `npm run ffmpeg` built, in the place of the system's ffmpeg. */
const folder = join(import.meta.dirname, "..", "..", ".cache", "ffmpeg");
const [ffmpeg, ffprobe] = [join(folder, "ffmpeg"), join(folder, "ffprobe")];
const subjects = ["shared/media", "tests/journeys/videos.test.ts", "tests/journeys/uploads.test.ts"];

try {
  await access(ffmpeg);
  await runVitest(subjects, { FFMPEG_PATH: ffmpeg, FFPROBE_PATH: ffprobe });
} catch (error) {
  if ((error as NodeJS.ErrnoException).path !== ffmpeg) throw error;
  console.error("ffmpeg: nothing is built yet: npm run ffmpeg");
  process.exitCode = skipped;
}
