import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fitted } from "./encode.ts";
import { opening, type Workshop } from "./inspect.ts";
import { run, ToolFailure } from "./run.ts";

/** A prepared video, from which stills are taken: upright, in one size, opened without risk. */
export interface Video {
  readonly path: string;
  readonly durationMs: number;
  /** There is nothing to see after this, only to hear: a browser goes on showing the last picture. */
  readonly picturesEndMs: number;
  readonly width: number;
  readonly height: number;
}

/** The part of the sprite to show between two times. */
export interface Cue {
  readonly startMs: number;
  readonly endMs: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const tileSide = 192;
const maxTiles = 30;
const columns = 6;
/** Inputs of one ffmpeg: each holds a decoder, and starting a process costs as much as a seek. */
const batch = 6;

/** Writes `poster.jpg`: the most typical of 25 pictures from a tenth into the video, where it has begun. */
export async function makePoster(video: Video, shop: Workshop): Promise<string> {
  await ffmpeg(
    [
      ...["-ss", `${video.picturesEndMs / 10_000}`, ...opening(video.path, "mov", shop), "-an"],
      ...["-vf", `thumbnail=25,${jpeg}`, "-frames:v", "1", ...mjpeg, "-q:v", "4", "poster.jpg"],
    ],
    shop,
  );
  return join(shop.workDir, "poster.jpg");
}

/** JPEG stores the full range of brightness. */
const jpeg = "scale=out_range=pc,format=yuvj420p";
/** Bit-exact: without a comment that names the encoder. */
const mjpeg = ["-c:v", "mjpeg", "-flags", "+bitexact", "-f", "mjpeg"];

export interface Storyboard {
  readonly path: string;
  readonly width: number;
  readonly height: number;
  readonly cues: readonly Cue[];
  /** How many tiles were asked for; fewer cues mean pictures that could not be decoded. */
  readonly wanted: number;
}

/**
 * Writes `storyboard.jpg`: at most 30 pictures, each found by a seek, so that the cost does not grow with the video.
 * Cues come from the tiles that were really made; each lasts until the next. Null when not one could be made.
 */
export async function makeStoryboard(
  video: Video,
  shop: Workshop,
  onProgress: (fraction: number) => void,
): Promise<Storyboard | null> {
  const wanted = Math.min(maxTiles, Math.max(1, Math.floor(video.picturesEndMs / 1000)));
  const tile = fitted(video.width, video.height, tileSide);
  const interval = video.picturesEndMs / wanted;
  const times = Array.from({ length: wanted }, (_, index) => Math.floor((index + 0.5) * interval));
  const batches = Array.from({ length: Math.ceil(wanted / batch) }, (_, index) =>
    times.slice(index * batch, (index + 1) * batch),
  );
  let done = 0;
  const lane = async () => {
    for (let next = batches.shift(); next !== undefined; next = batches.shift()) {
      await takeTiles(next, video, tile, shop);
      onProgress((done += next.length) / wanted);
    }
  };
  await Promise.all(Array.from({ length: shop.threads }, lane));
  const made = await collect(times, tile, shop);
  if (made.times.length === 0) return null;
  const across = Math.min(columns, made.times.length);
  const down = Math.ceil(made.times.length / across);
  await ffmpeg(
    [
      ...["-f", "rawvideo", "-pixel_format", "yuv420p", "-video_size", `${tile.width}x${tile.height}`],
      ...["-protocol_whitelist", "file", "-i", "file:tiles.raw", "-vf", `tile=${across}x${down},${jpeg}`],
      ...["-frames:v", "1", ...mjpeg, "-q:v", "5", "storyboard.jpg"],
    ],
    shop,
  );
  await rm(made.path);
  const cues = made.times.map((_, index) => ({
    startMs: index === 0 ? 0 : boundary(made.times[index] ?? 0, interval),
    endMs: index === made.times.length - 1 ? video.durationMs : boundary(made.times[index + 1] ?? 0, interval),
    x: (index % across) * tile.width,
    y: Math.floor(index / across) * tile.height,
    ...tile,
  }));
  return {
    path: join(shop.workDir, "storyboard.jpg"),
    width: across * tile.width,
    height: down * tile.height,
    cues,
    wanted,
  };
}

/** A tile is taken in the middle of the time that it stands for. */
function boundary(takenAt: number, interval: number): number {
  return Math.round(takenAt - interval / 2);
}

const tileName = (atMs: number) => `tile-${atMs}.raw`;

/** A picture that cannot be decoded leaves no tile; that is for the caller to judge, not a failure of the others. */
async function takeTiles(
  times: readonly number[],
  video: Video,
  tile: { width: number; height: number },
  shop: Workshop,
): Promise<void> {
  const inputs = times.flatMap((at) => ["-threads", "1", "-ss", `${at / 1000}`, ...opening(video.path, "mov", shop)]);
  const outputs = times.flatMap((at, index) => [
    ...["-map", `${index}:v:0`, "-vf", `scale=${tile.width}:${tile.height},format=yuv420p`],
    ...["-frames:v", "1", "-c:v", "rawvideo", "-f", "rawvideo", tileName(at)],
  ]);
  try {
    await ffmpeg([...inputs, ...outputs], shop);
  } catch (error) {
    if (!(error instanceof ToolFailure) || error.reason !== "refused") throw error;
  }
}

/** Puts the whole tiles one after the other into one raw film (30 tiles are 1 MB) and removes the parts. */
async function collect(times: readonly number[], tile: { width: number; height: number }, shop: Workshop) {
  const bytes = (tile.width * tile.height * 3) / 2;
  const path = join(shop.workDir, "tiles.raw");
  const whole: { at: number; pixels: Buffer }[] = [];
  for (const at of times) {
    const part = join(shop.workDir, tileName(at));
    const size = await stat(part).then(
      (facts) => facts.size,
      () => 0,
    );
    if (size === bytes) whole.push({ at, pixels: await readFile(part) });
    await rm(part, { force: true });
  }
  await writeFile(path, Buffer.concat(whole.map(({ pixels }) => pixels)));
  return { path, times: whole.map(({ at }) => at) };
}

async function ffmpeg(args: string[], shop: Workshop): Promise<void> {
  const { tools, workDir: cwd, processLimits: limits, signal } = shop;
  await run(tools.ffmpeg, ["-nostdin", "-v", "error", "-y", ...args], { cwd, limits, signal });
}
