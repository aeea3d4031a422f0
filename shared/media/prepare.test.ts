import { execFile } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { access, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { canaryPlaceholder, clip, type ClipName } from "../../scripts/clips.ts";
import { identify, type MediaFacts } from "./identify.ts";
import { defaultLimits } from "./limits.ts";
import { prepare, type Prepared, type PrepareInput } from "./prepare.ts";
import { type Tools, findTools } from "./tools.ts";

const run = promisify(execFile);
let root: string;
let tools: Tools;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "callpilot-prepare-"));
  tools = await findTools();
});
afterAll(() => rm(root, { recursive: true }));

const workDir = () => mkdtemp(join(root, "work-"));

async function factsOf(path: string): Promise<MediaFacts> {
  const content = await readFile(path);
  return identify(
    { size: content.length, read: (start, end) => Promise.resolve(content.subarray(start, end)) },
    defaultLimits,
  );
}

async function prepareClip(name: ClipName, more: Partial<PrepareInput> = {}): Promise<Prepared> {
  const path = await clip(name);
  return prepare({ path, facts: await factsOf(path), workDir: await workDir(), limits: defaultLimits, tools, ...more });
}

interface Probed {
  streams: { codec_name: string; pix_fmt?: string; color_transfer?: string; side_data_list?: unknown[] }[];
  format: { tags: Record<string, string> };
}

async function probe(path: string): Promise<Probed> {
  const { stdout } = await run(tools.ffprobe, ["-v", "error", "-show_streams", "-show_format", "-of", "json", path]);
  return JSON.parse(stdout) as Probed;
}

/** Average colour of the picture's upper left and lower right corner. */
async function corners(path: string): Promise<{ topLeft: number[]; bottomRight: number[] }> {
  const raw = ["-vf", "scale=2:2:flags=area,format=rgb24", "-frames:v", "1", "-f", "rawvideo", "pipe:1"];
  const { stdout } = await run(tools.ffmpeg, ["-v", "error", "-i", path, ...raw], { encoding: "buffer" });
  return { topLeft: [...stdout.subarray(0, 3)], bottomRight: [...stdout.subarray(9, 12)] };
}

function checkStoryboard({ video, storyboard }: Prepared): void {
  const { cues } = storyboard;
  expect(cues[0]?.startMs).toBe(0);
  expect(cues.at(-1)?.endMs).toBe(video.durationMs);
  cues.forEach((cue, index) => {
    expect(cue.endMs).toBeGreaterThan(cue.startMs);
    if (index > 0) expect(cue.startMs).toBe(cues[index - 1]?.endMs);
    expect(cue.x + cue.width).toBeLessThanOrEqual(storyboard.width);
    expect(cue.y + cue.height).toBeLessThanOrEqual(storyboard.height);
  });
}

describe("what devices record becomes an MP4 that every browser plays", () => {
  test.for<[ClipName, Partial<Prepared["video"]>]>([
    ["phone-hevc.mov", { method: "transcode", durationMs: 3000, width: 240, height: 320, audioCodec: "aac" }],
    ["hdr-hevc.mov", { method: "transcode", durationMs: 2000, width: 320, height: 240 }],
    ["h264-index-last.mp4", { method: "remux", durationMs: 4000, frames: 100, audioCodec: "aac" }],
    ["h264-silent.mp4", { method: "remux", durationMs: 2000, audioCodec: null }],
    ["h264-rotated.mp4", { method: "transcode", width: 320, height: 240 }],
    ["h264-422.mp4", { method: "transcode" }],
    ["h264-wide-pixels.mp4", { method: "transcode", width: 640, height: 240 }],
    ["vp9-in.mp4", { method: "transcode", audioCodec: "aac" }],
    ["recorder-vp8.webm", { method: "transcode", audioCodec: "aac" }],
    ["recorder-vp9.webm", { method: "transcode", audioCodec: "aac" }],
    ["recorder-h264.mkv", { method: "remux", audioCodec: "aac" }],
    ["recorder-turned.webm", { method: "transcode", width: 320, height: 240 }],
  ])("%s", async ([name, expected]) => {
    const prepared = await prepareClip(name);
    expect(prepared.video).toMatchObject(expected);
    const { streams, format } = await probe(prepared.video.path);
    expect(streams.map((stream) => stream.codec_name)).toEqual(
      prepared.video.audioCodec === null ? ["h264"] : ["h264", "aac"],
    );
    expect(streams[0]?.pix_fmt).toBe("yuv420p");
    expect(streams[0]?.side_data_list).toBeUndefined();
    expect(Object.keys(format.tags)).not.toContain("location");
    const bytes = await readFile(prepared.video.path);
    expect(bytes.indexOf("moov")).toBeLessThan(bytes.indexOf("mdat"));
    checkStoryboard(prepared);
    expect((await readFile(prepared.poster.path)).subarray(0, 3)).toEqual(Buffer.from("ffd8ff", "hex"));
  });
});

test("place, device and the encoder's notes do not survive, neither a transcode nor a remux", async () => {
  for (const name of ["phone-hevc.mov", "h264-index-last.mp4"] as const) {
    const { video } = await prepareClip(name);
    const bytes = await readFile(video.path);
    for (const trace of ["52.52", "iPhone", "location", "ISO6709", "©xyz"]) expect(bytes.includes(trace)).toBe(false);
    expect(bytes.includes("x264 - core")).toBe(false);
  }
});

test("a picture recorded sideways is shown upright", async () => {
  const flat = await corners(await clip("phone-hevc.mov"));
  const { video, poster } = await prepareClip("phone-hevc.mov");
  const played = await run(tools.ffmpeg, ["-v", "error", "-noautorotate", "-i", video.path, "-f", "null", "-"]);
  expect(played.stderr).toBe("");
  const shown = await corners(video.path);
  shown.topLeft.forEach((value, channel) => {
    expect(Math.abs(value - (flat.topLeft[channel] ?? 0))).toBeLessThan(12);
  });
  const still = await corners(poster.path);
  expect(Math.abs((still.bottomRight[0] ?? 0) - (shown.bottomRight[0] ?? 0))).toBeLessThan(20);
});

test("what a guest cut off on the phone is not in what is shown", async () => {
  const { video } = await prepareClip("edit-cut.mp4");
  expect(video).toMatchObject({ method: "transcode", durationMs: 2800 });
  const hidden = ["-ignore_editlist", "1", "-i", await clip("edit-cut.mp4"), "-frames:v", "1"];
  const red = (pixels: Buffer) => (pixels[0] ?? 0) > 200 && (pixels[1] ?? 0) < 50 && (pixels[2] ?? 0) < 50;
  const firstPicture = async (...input: string[]) => {
    const raw = ["-vf", "scale=1:1:flags=area,format=rgb24", "-f", "rawvideo", "pipe:1"];
    const { stdout } = await run(tools.ffmpeg, ["-v", "error", ...input, ...raw], { encoding: "buffer" });
    return stdout;
  };
  expect(red(await firstPicture(...hidden)), "it is in the original").toBe(true);
  expect(red(await firstPicture("-ignore_editlist", "1", "-i", video.path, "-frames:v", "1"))).toBe(false);
});

test("HDR is brought to the colours of a common screen", async () => {
  const { video } = await prepareClip("hdr-hevc.mov");
  expect((await probe(video.path)).streams[0]).toMatchObject({ color_transfer: "bt709", color_primaries: "bt709" });
});

test("ten minutes are copied, not encoded, with thirty different stills", async () => {
  await clip("ten-minutes-720p.mp4");
  const prepared = await prepareClip("ten-minutes-720p.mp4");
  expect(prepared.video).toMatchObject({ method: "remux", frames: 15_000 });
  expect(prepared.storyboard.cues).toHaveLength(30);
  checkStoryboard(prepared);
});

test("progress only grows, and is 1 only at the end", async () => {
  const seen: number[] = [];
  await prepareClip("recorder-vp9.webm", { onProgress: (fraction) => seen.push(fraction) });
  expect(seen.length).toBeGreaterThan(2);
  expect(seen).toEqual([...new Set(seen)].sort((one, other) => one - other));
  expect(seen.filter((fraction) => fraction === 1)).toHaveLength(1);
  expect(seen.at(-1)).toBe(1);
});

test("only the results are left in the folder", async () => {
  const folder = await workDir();
  await prepareClip("h264-silent.mp4", { workDir: folder });
  expect((await readdir(folder)).sort()).toEqual(["poster.jpg", "storyboard.jpg", "video.mp4"]);
});

test("a tail behind the media is dropped", async () => {
  const { video } = await prepareClip("tail.mp4");
  expect((await readFile(video.path)).includes("<script>")).toBe(false);
});

describe("what its index hides is found when the pictures are read", () => {
  test("pixels beyond the limit, in a container that promises few, which are not decoded", async () => {
    await expect(prepareClip("pixel-bomb-unsaid.webm")).rejects.toMatchObject({ code: "too_large" });
  });

  test("two hours that the container keeps to itself", async () => {
    await expect(prepareClip("two-hours-unsaid.webm")).rejects.toMatchObject({ code: "too_long" });
  });

  test("pictures that are noise", async () => {
    await expect(prepareClip("scrambled.mp4")).rejects.toMatchObject({ code: "corrupt" });
  });

  test("a recording cut off at its end, whose header promises more", async () => {
    const whole = await readFile(await clip("recorder-turned.webm"));
    const path = join(await workDir(), "cut.webm");
    await writeFile(path, whole.subarray(0, whole.length / 3));
    const input = { path, facts: await factsOf(path), workDir: await workDir(), limits: defaultLimits, tools };
    await expect(prepare(input)).rejects.toMatchObject({ code: "corrupt" });
  });
});

describe("ffmpeg opens nothing but the file itself, even past identification", () => {
  const asVideo = async (): Promise<MediaFacts> => factsOf(await clip("h264-silent.mp4"));

  test("a playlist reaches no server", async () => {
    let hits = 0;
    const canary = createServer((_, response) => {
      hits += 1;
      response.end();
    });
    await new Promise<void>((resolve) => canary.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(canary.address() as AddressInfo).port}/segment.ts`;
    const path = join(await workDir(), "playlist.mp4");
    await writeFile(path, (await readFile(await clip("playlist.mp4"), "utf8")).replace(canaryPlaceholder, url));
    try {
      const input = { path, workDir: await workDir(), limits: defaultLimits, tools };
      for (const family of ["mov", "matroska"] as const)
        await expect(prepare({ ...input, facts: { ...(await asVideo()), family } })).rejects.toMatchObject({
          name: "Rejection",
        });
      expect(hits).toBe(0);
      const unguarded = ["-v", "quiet", "-protocol_whitelist", "file,http,tcp,crypto", "-f", "hls", "-i", path];
      await run("ffprobe", unguarded).catch(() => undefined);
      expect(hits, "the canary sings when it can").toBeGreaterThan(0);
    } finally {
      canary.closeAllConnections();
      canary.close();
    }
  });

  test("a list opens no other file", async () => {
    const path = await clip("concat.mp4");
    const input = { path, facts: await asVideo(), workDir: await workDir(), limits: defaultLimits, tools };
    await expect(prepare(input)).rejects.toMatchObject({ name: "Rejection" });
  });
});

/** What runs on this machine. */
function commandLines(): string[] {
  return globSync("/proc/[0-9]*/cmdline").map((file) => {
    try {
      return readFileSync(file, "utf8");
    } catch {
      return "";
    }
  });
}

test("an abort leaves no process behind", async () => {
  const abort = new AbortController();
  const reason = new Error("lease lost");
  const folder = await workDir();
  const running = prepareClip("ten-minutes-720p.mp4", {
    workDir: folder,
    signal: abort.signal,
    onProgress: () => {
      abort.abort(reason);
    },
  });
  await expect(running).rejects.toBe(reason);
  await access(folder);
  expect(commandLines().filter((line) => line.includes(folder))).toEqual([]);
});

test("a machine without room is not the guest's fault", async () => {
  const limits = { ...defaultLimits, maxBytes: 20_000 };
  await expect(prepareClip("h264-index-last.mp4", { limits })).rejects.toMatchObject({
    name: "ToolFailure",
    reason: "resources",
  });
});
