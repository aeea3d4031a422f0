import { execFile } from "node:child_process";
import { mkdtemp, readFile, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openSource } from "../../scripts/fileSource.ts";
import { type Placeholder, Placeholders, type Wanted } from "../../scripts/sandbox/placeholders.ts";
import { copyPadded } from "../../scripts/sandbox/placeholder/padding.ts";
import { type Shape, shapeOf } from "../../scripts/sandbox/placeholder/shape.ts";
import { type FileFacts, hashFile } from "../../shared/media/hash.ts";
import { identify } from "../../shared/media/identify.ts";
import { defaultLimits } from "../../shared/media/limits.ts";
import { findTools, type Tools } from "../../shared/media/tools.ts";
import { Player } from "../support/player.ts";
import { identifyFile, Preparations } from "../support/preparations.ts";

const KiB = 1024;
const MiB = 1024 ** 2;

let root: string;
let tools: Tools;
let placeholders: Placeholders;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "callpilot-placeholders-"));
  tools = await findTools();
  placeholders = new Placeholders(await mkdtemp(join(root, "shared-")));
});
afterAll(async () => {
  await placeholders[Symbol.asyncDispose]();
  await rm(root, { recursive: true });
});

const second: Wanted = {
  durationMs: 1000,
  width: 160,
  height: 120,
  sizes: { original: 64 * KiB, video: 32 * KiB },
};

const streamed = { ...second.sizes, stream: 32 * KiB };
const minute = { durationMs: 61_234, width: 641, height: 361 };

interface Probed {
  readonly streams: readonly {
    readonly codec_name: string;
    readonly pix_fmt: string;
    readonly width: number;
    readonly height: number;
  }[];
  readonly format: { readonly duration: string; readonly tags: Record<string, string> };
}

async function probe({ path }: Pick<FileFacts, "path">): Promise<Probed> {
  const args = ["-v", "error", "-show_streams", "-show_format", "-of", "json", path];
  const { stdout, stderr } = await promisify(execFile)(tools.ffprobe, args);
  expect(stderr).toBe("");
  return JSON.parse(stdout) as Probed;
}

async function expectTrue(facts: FileFacts): Promise<void> {
  expect(await hashFile(facts.path)).toMatchObject({ size: facts.size, sha256: facts.sha256 });
}

async function expectWhole({ sprite, durationMs, stream }: Placeholder): Promise<void> {
  const [picture] = (await probe(sprite)).streams;
  expect(sprite.cues[0]?.startMs).toBe(0);
  expect(sprite.cues.at(-1)?.endMs).toBe(durationMs);
  for (const { x, y, width, height } of sprite.cues) {
    expect(x + width).toBeLessThanOrEqual(picture?.width ?? 0);
    expect(y + height).toBeLessThanOrEqual(picture?.height ?? 0);
  }
  const playlist = stream === undefined ? "" : await readFile(stream.playlist.path, "utf8");
  const parts = [...playlist.matchAll(/BYTERANGE[=:]"?(\d+)@/gu)].map(([, length]) => Number(length));
  expect(parts.reduce((sum, length) => sum + length, 0)).toBe(stream?.media.size);
  const seconds = [...playlist.matchAll(/#EXTINF:([\d.]+)/gu)].map(([, length]) => Number(length));
  expect(seconds.reduce((sum, length) => sum + length, 0)).toBeCloseTo(durationMs / 1000, 1);
}

describe("a placeholder is as long and as large as the recording, and the product takes it for one", () => {
  test.for<[name: string, wanted: Wanted, made: { width: number; height: number; cues: number }]>([
    [
      "half a second of the smallest picture",
      { durationMs: 500, width: 1, height: 2, sizes: { original: MiB, video: 16 * KiB } },
      { width: 2, height: 2, cues: 1 },
    ],
    [
      "61,234 ms with odd sides",
      { ...minute, sizes: { original: 8 * MiB, video: 4 * MiB } },
      { width: 642, height: 362, cues: 30 },
    ],
    [
      "an hour, and what a camera adds to it",
      { durationMs: 3_600_990, width: 1920, height: 1080, sizes: { original: 8 * MiB, video: 8 * MiB } },
      { width: 1920, height: 1080, cues: 30 },
    ],
  ])("%s", async ([, wanted, { cues, ...picture }]) => {
    using made = await placeholders.make({ ...wanted, sizes: { ...wanted.sizes, stream: MiB } });
    expect(made).toMatchObject(picture);
    expect(Math.abs(made.durationMs - wanted.durationMs)).toBeLessThanOrEqual(1);
    expect(made.sprite.cues).toHaveLength(cues);
    expect({ original: made.original.size, video: made.video.size }).toEqual(wanted.sizes);
    for (const file of [made.original, made.video]) {
      await expectTrue(file);
      const { durationMs, audio, video } = await identifyFile(file.path);
      expect(Math.abs((durationMs ?? 0) - wanted.durationMs)).toBeLessThanOrEqual(2);
      expect({ audio, ...video }).toMatchObject({ audio: null, codec: "avc", rotation: 0, ...picture });
      const { streams, format } = await probe(file);
      expect(streams).toMatchObject([{ codec_name: "h264", pix_fmt: "yuv420p", ...picture }]);
      expect(Object.keys(format.tags)).toEqual(["major_brand", "minor_version", "compatible_brands"]);
      const bytes = await readFile(file.path);
      expect(bytes.indexOf("moov")).toBeLessThan(bytes.indexOf("mdat"));
      expect(["x264", "Lav"].filter((name) => bytes.includes(name))).toEqual([]);
    }
    await expectTrue(made.poster);
    await expectTrue(made.sprite);
    await expectWhole(made);
  });
});

test("a browser plays the padded video as long as is stored, and the original can be processed", async () => {
  using made = await placeholders.make({ ...second, ...minute, sizes: { original: MiB, video: MiB } });
  await using player = await Player.start();
  const { duration, ...picture } = await player.play(made.video.path);
  expect(picture).toMatchObject({ width: 642, height: 362 });
  expect(Math.abs(duration * 1000 - made.durationMs)).toBeLessThanOrEqual(2);
  await using preparations = await Preparations.start();
  const { video } = await preparations.prepare(made.original.path);
  expect(video).toMatchObject({ durationMs: made.durationMs, width: 642, height: 362 });
});

describe("padding", () => {
  const sizeOf = async (name: string) => (await stat(join(root, name))).size;

  test("leaves what is larger, what has no room for a box, and what is padded already as it is", async () => {
    using small = await placeholders.make({ ...second, sizes: { original: 0, video: NaN } });
    const { size, path } = small.video;
    const sizeAfter = async (wanted: number) => {
      await copyPadded(path, join(root, `to-${wanted}.mp4`), wanted);
      return sizeOf(`to-${wanted}.mp4`);
    };
    expect([await sizeAfter(1), await sizeAfter(size), await sizeAfter(size + 7)]).toEqual([size, size, size]);
    expect(await sizeAfter(size + 8)).toBe(size + 8);
    await copyPadded(path, join(root, "once.mp4"), MiB);
    await copyPadded(join(root, "once.mp4"), join(root, "twice.mp4"), MiB);
    expect((await hashFile(join(root, "twice.mp4"))).sha256).toBe((await hashFile(join(root, "once.mp4"))).sha256);
  });

  test("goes as far as a recording may, and costs the disk nothing", async () => {
    using made = await placeholders.make(second);
    const path = join(root, "largest.mp4");
    await copyPadded(made.video.path, path, 2 ** 50);
    expect(await sizeOf("largest.mp4")).toBe(4 * 1024 ** 3);
    expect((await stat(path)).blocks * 512).toBeLessThan(MiB);
    await using source = await openSource(path);
    expect(await identify(source, defaultLimits)).toMatchObject({ container: "mp4", durationMs: 1000 });
    expect((await probe({ path })).format.duration).toBe("1.000000");
  });

  test("to another size changes no file that was made before", async () => {
    using one = await placeholders.make(second);
    using other = await placeholders.make({ ...second, sizes: { original: 128 * KiB, video: 256 * KiB } });
    expect([other.original.size, other.video.size]).toEqual([128 * KiB, 256 * KiB]);
    await expectTrue(one.original);
    await expectTrue(one.video);
  });
});

test("recordings of the same shape share their files, and no more shapes are kept than may be, but for those in use", async () => {
  const folder = await mkdtemp(join(root, "work-"));
  await using own = new Placeholders(folder, 1);
  const made = await Promise.all([second, second, { ...second, sizes: streamed }].map((wanted) => own.make(wanted)));
  expect(await readdir(folder)).toHaveLength(1);
  expect(new Set(made.map(({ video }) => video.path)).size).toBe(1);
  expect(made.map(({ stream }) => stream !== undefined)).toEqual([false, false, true]);
  {
    using wide = await own.make({ ...second, width: 200 });
    expect(await readdir(folder)).toHaveLength(2);
    await expectTrue(wide.video);
  }
  for (const each of made) {
    await expectTrue(each.video);
    each[Symbol.dispose]();
  }
  using high = await own.make({ ...second, height: 200 });
  expect(await readdir(folder)).toHaveLength(1);
  await expectTrue(high.video);
});

describe("a wish that cannot be gives what comes nearest", () => {
  test.for<[name: string, wanted: Shape, made: Shape]>([
    ["nothing", { durationMs: 0, width: 0, height: 0 }, { durationMs: 250, width: 2, height: 2 }],
    ["less than nothing", { durationMs: -5, width: -1, height: 120 }, { durationMs: 250, width: 2, height: 120 }],
    ["no numbers", { durationMs: NaN, width: NaN, height: NaN }, { durationMs: 250, width: 2, height: 2 }],
    ["fractions", { durationMs: 300.4, width: 160.2, height: 119.8 }, { durationMs: 300, width: 160, height: 120 }],
    ["odd sides", { durationMs: 999, width: 641, height: 361 }, { durationMs: 999, width: 642, height: 362 }],
    ["4K", { durationMs: 250, width: 3840, height: 2160 }, { durationMs: 250, width: 1920, height: 1080 }],
    ["a year", { durationMs: 3e10, width: 16, height: 1e9 }, { durationMs: 3_600_990, width: 2, height: 1920 }],
  ])("%s", ([, wanted, made]) => {
    expect(shapeOf(wanted)).toEqual(made);
  });

  test("which plays", async () => {
    using made = await placeholders.make({ ...second, durationMs: 0, width: 0, height: 0, sizes: streamed });
    expect(made).toMatchObject({ durationMs: 250, width: 2, height: 2 });
    await expectWhole(made);
  });
});

test("nothing is left behind: neither by what was aborted nor in the end", async () => {
  const folder = await mkdtemp(join(root, "work-"));
  const own = new Placeholders(folder);
  const aborted = AbortSignal.abort(new Error("not now"));
  await expect(own.make(second, aborted)).rejects.toThrow("not now");
  const stopping = new AbortController();
  const stopped = own.make({ ...second, width: 1920, height: 1080 }, stopping.signal);
  const next = own.make(second);
  stopping.abort(new Error("no longer"));
  await expect(stopped).rejects.toThrow("no longer");
  await next;
  expect(await readdir(folder)).toHaveLength(1);
  const late = own.make({ ...second, width: 640 });
  const gone = expect(late).rejects.toThrow("gone");
  await own[Symbol.asyncDispose]();
  await gone;
  expect(await readdir(folder)).toEqual([]);
  await expect(own.make(second)).rejects.toThrow("gone");
});
