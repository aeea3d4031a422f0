import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { milliseconds } from "../local/host/settings.ts";
import { identify } from "../shared/media/identify.ts";
import { defaultLimits } from "../shared/media/limits.ts";
import { prepare } from "../shared/media/prepare.ts";
import { findTools } from "../shared/media/tools.ts";
import { openSource } from "../scripts/fileSource.ts";
import { type Cost, costOfChildren } from "./video/processTime.ts";

// `npm run bench:hour`: what the longest recording costs, as CPU seconds: an hour of small pictures for real, and a minute
// of pictures as phones make them, times sixty. Pictures move and have noise, as a hand-held camera's.

interface Film {
  readonly name: string;
  readonly source: string;
  readonly codec: readonly string[];
  /** Seconds that are made, and how often they are repeated in the file. */
  readonly seconds: number;
  readonly times: number;
}

const hevc = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error", "-tag:v", "hvc1"];
const moving = (size: string, rate: number) => `testsrc2=size=${size}:rate=${rate},noise=alls=12:allf=t`;
const films: readonly Film[] = [
  { name: "320 x 240, 10/s", source: moving("320x240", 10), codec: hevc, seconds: 60, times: 60 },
  { name: "1280 x 720, 30/s", source: moving("1280x720", 30), codec: hevc, seconds: 20, times: 3 },
  { name: "1920 x 1080, 30/s", source: moving("1920x1080", 30), codec: hevc, seconds: 20, times: 3 },
  { name: "3840 x 2160, 30/s", source: moving("3840x2160", 30), codec: hevc, seconds: 10, times: 6 },
];

const tools = await findTools();
const folder = await mkdtemp(join(tmpdir(), "callpilot-hour-"));
try {
  const { functionTimeout } = JSON.parse(await readFile("host.json", "utf8")) as { functionTimeout: string };
  const timeout = milliseconds(functionTimeout) / 1000;
  console.log("film                 length   CPU s    wall s   an hour's CPU s   of functionTimeout on one core");
  for (const film of films) {
    const length = film.seconds * film.times;
    const { cpuSeconds: cpu, wallSeconds: wall } = await measured(await made(film));
    const hour = (cpu * 3600) / length;
    const share = `${((100 * hour) / timeout).toFixed(0)} %`;
    const columns = [`${length} s`, cpu.toFixed(0), wall.toFixed(0), hour.toFixed(0), share];
    console.log([film.name.padEnd(18), ...columns.map((column) => column.padStart(9))].join(" "));
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function made({ source, codec, seconds, times }: Film): Promise<string> {
  const [part, whole] = [join(folder, "part.mp4"), join(folder, "whole.mp4")];
  const sound = ["-f", "lavfi", "-i", "sine=frequency=440"];
  const pictures = ["-f", "lavfi", "-i", source, ...sound, "-t", `${seconds}`, "-pix_fmt", "yuv420p"];
  await ffmpeg(...pictures, ...codec, "-c:a", "aac", part);
  await ffmpeg("-stream_loop", `${times - 1}`, "-i", part, "-c", "copy", whole);
  return whole;
}

async function ffmpeg(...args: string[]): Promise<void> {
  await promisify(execFile)(tools.ffmpeg, ["-nostdin", "-v", "error", "-y", ...args]);
}

/** Prepares the film as processing does. */
async function measured(path: string): Promise<Cost> {
  const workDir = join(folder, "work");
  await mkdir(workDir);
  await using source = await openSource(path);
  const cost = await costOfChildren(async () => {
    const facts = await identify(source, defaultLimits);
    await prepare({ path, facts, workDir, limits: defaultLimits, tools });
  });
  await rm(workDir, { recursive: true });
  return cost;
}
