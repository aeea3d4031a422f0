import { parseArgs } from "node:util";
import { resolve } from "node:path";
import { buildTools } from "./ffmpeg/build.ts";
import { Unbuildable } from "./ffmpeg/debian.ts";
import { skipped } from "./skipped.ts";

const usage = `Builds the small ffmpeg and ffprobe that the deployment package carries, from Debian's sources.

  npm run ffmpeg [-- --out FOLDER]
      two programs, what they are made of (build.json) and their sources, in .cache/ffmpeg unless FOLDER is given;
      needs Debian, and root or the packages that it names; exit code 77: this machine cannot build them

  npm run ffmpeg:test
      runs the tests of video processing with what was built`;

try {
  await main();
} catch (error) {
  console.error(`ffmpeg: ${(error as Error).message}`);
  process.exitCode = error instanceof Unbuildable ? skipped : 1;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { out: { type: "string", default: ".cache/ffmpeg" }, help: { type: "boolean", default: false } },
  });
  if (values.help) console.log(usage);
  else await buildTools(resolve(values.out));
}
