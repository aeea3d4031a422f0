import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { clip, type ClipName } from "../../scripts/clips.ts";
import type { RangeSource } from "../storage/streams.ts";
import { identify, type MediaFacts } from "./identify.ts";
import { defaultLimits } from "./limits.ts";
import { Rejection, type RejectionCode, remedies } from "./rejection.ts";

class Counted implements RangeSource {
  readonly size: number;
  bytes = 0;
  reads = 0;
  readonly #content: Uint8Array;

  /** `size` beyond the content reads as zeros: a large file without the memory. */
  constructor(content: Uint8Array, size = content.length) {
    this.#content = content;
    this.size = size;
  }

  read(start: number, end: number): Promise<Uint8Array> {
    this.reads += 1;
    this.bytes += end - start;
    const piece = new Uint8Array(end - start);
    piece.set(this.#content.subarray(start, end));
    return Promise.resolve(piece);
  }
}

async function identifyClip(name: ClipName, limits = defaultLimits): Promise<MediaFacts> {
  return identify(new Counted(await readFile(await clip(name))), limits);
}

beforeAll(() => clip("h264-index-last.mp4"), 60_000);

describe("what devices record is recognised by its content", () => {
  const upright = { width: 320, height: 240, rotation: 0, mirrored: false };
  test.for<[ClipName, { container: string; durationMs: number | null; video: object; audio: string | null }]>([
    [
      "phone-hevc.mov",
      {
        container: "mov",
        durationMs: 3000,
        video: { codec: "hevc", width: 320, height: 240, displayWidth: 240, displayHeight: 320, rotation: 270 },
        audio: "aac",
      },
    ],
    ["hdr-hevc.mov", { container: "mov", durationMs: 2000, video: { codec: "hevc", ...upright }, audio: "aac" }],
    ["h264-index-last.mp4", { container: "mp4", durationMs: 4000, video: { codec: "avc", ...upright }, audio: "aac" }],
    ["h264-silent.mp4", { container: "mp4", durationMs: 2000, video: { codec: "avc", ...upright }, audio: null }],
    ["h264-wide-pixels.mp4", { container: "mp4", durationMs: 1000, video: { displayWidth: 640 }, audio: null }],
    ["vp9-in.mp4", { container: "mp4", durationMs: 2000, video: { codec: "vp9", ...upright }, audio: "opus" }],
    ["recorder-vp8.webm", { container: "webm", durationMs: null, video: { codec: "vp8", ...upright }, audio: "opus" }],
    ["recorder-vp9.webm", { container: "webm", durationMs: null, video: { codec: "vp9", ...upright }, audio: "opus" }],
    ["recorder-h264.mkv", { container: "matroska", durationMs: null, video: { codec: "avc" }, audio: "opus" }],
  ])("%s", async ([name, { audio, ...expected }]) => {
    const facts = await identifyClip(name);
    expect(facts).toMatchObject(expected);
    expect(facts.audio?.codec ?? null).toBe(audio);
  });
});

describe("what is no recording is refused with the code that says why", () => {
  test.for<[ClipName, RejectionCode]>([
    ["zero-bytes.mp4", "corrupt"],
    ["text.mp4", "unsupported_format"],
    ["picture-png.mp4", "unsupported_format"],
    ["picture-gif.mp4", "unsupported_format"],
    ["playlist.mp4", "unsupported_format"],
    ["concat.mp4", "unsupported_format"],
    ["html-in-front.mp4", "unsupported_format"],
    ["html-in-box.mp4", "unsupported_format"],
    ["audio-only.mp4", "no_video_track"],
    ["truncated-index-last.mp4", "corrupt"],
    ["truncated-index-first.mp4", "corrupt"],
    ["pixel-bomb.webm", "too_large"],
    ["two-hours.mp4", "too_long"],
    ["blink.mp4", "too_short"],
  ])("%s: %s", async ([name, code]) => {
    const error: unknown = await identifyClip(name).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Rejection);
    expect(error).toMatchObject({ code, remedy: remedies[code] });
  });
});

test("a question's own limits count", async () => {
  const asked = (limits: Partial<typeof defaultLimits>) =>
    identifyClip("h264-silent.mp4", { ...defaultLimits, ...limits });
  await expect(asked({ minDurationMs: 5000 })).rejects.toMatchObject({ code: "too_short" });
  await expect(asked({ maxDurationMs: 900 })).rejects.toMatchObject({ code: "too_long" });
  await expect(asked({ maxBytes: 1000 })).rejects.toMatchObject({ code: "too_large" });
  await expect(asked({ maxPixels: 10_000 })).rejects.toMatchObject({ code: "too_large" });
});

test("a video track of a codec that is not on the list is no recording of ours", async () => {
  const bytes = await readFile(await clip("h264-silent.mp4"));
  bytes.write("xxxx", bytes.lastIndexOf("avc1"), "latin1");
  await expect(identify(new Counted(bytes), defaultLimits)).rejects.toMatchObject({ code: "unsupported_format" });
});

describe("a wrong file of 1 GB is refused after less than 1 % of its bytes", () => {
  const gigabyte = 1024 ** 3;
  const ftyp = Buffer.from("000000186674797069736f6d0000020069736f6d69736f32", "hex");
  const box = (size: number, type: string) => {
    const head = Buffer.alloc(8);
    head.writeUInt32BE(size);
    head.write(type, 4, "latin1");
    return head;
  };
  const webm = Buffer.from(
    "1a45dfa39f4286810142f7810142f2810442f381084282847765626d42878102428581021853806701ffffffffffffff",
    "hex",
  );
  test.for<[string, Buffer]>([
    ["zeros", Buffer.alloc(16)],
    ["text", Buffer.from("once upon a time ".repeat(300))],
    ["media without an index", Buffer.concat([ftyp, box(gigabyte - 24, "mdat")])],
    ["an index of half a gigabyte", Buffer.concat([ftyp, box(gigabyte / 2, "moov")])],
    ["boxes that lead nowhere", Buffer.concat([ftyp, box(100, "free"), Buffer.alloc(92), box(7, "what")])],
    ["WebM of zeros", webm],
  ])("%s", async ([, head]) => {
    const source = new Counted(head, gigabyte);
    await expect(identify(source, defaultLimits)).rejects.toBeInstanceOf(Rejection);
    expect(source.bytes).toBeLessThan(gigabyte / 100);
  });
});

test("an hour's worth of index is found without reading the media", async () => {
  const content = await readFile(await clip("ten-minutes-720p.mp4"));
  const source = new Counted(content);
  const facts = await identify(source, defaultLimits);
  expect(facts.durationMs).toBeGreaterThan(600_000);
  expect(facts.bytesRead).toBe(source.bytes);
  expect(source.bytes).toBeLessThan(content.length / 10);
  expect(source.reads).toBeLessThan(12);
});

test("a source that fails says nothing about the file", async () => {
  const content = await readFile(await clip("h264-index-last.mp4"));
  for (const failing of [1, 2]) {
    const source = new Counted(content);
    const outage = new Error("503");
    const read = source.read.bind(source);
    source.read = (start, end) => (source.reads + 1 >= failing ? Promise.reject(outage) : read(start, end));
    await expect(identify(source, defaultLimits)).rejects.toBe(outage);
  }
});

test("an abort is thrown as it is", async () => {
  const reason = new Error("lease lost");
  const source = new Counted(await readFile(await clip("h264-silent.mp4")));
  await expect(identify(source, defaultLimits, AbortSignal.abort(reason))).rejects.toBe(reason);
});

test("an index that claims four thousand million samples is not walked through", async () => {
  const bytes = await readFile(await clip("h264-index-first.mp4"));
  for (const table of ["stsc", "stts", "ctts", "stsz"]) {
    const hostile = Buffer.from(bytes);
    for (let at = hostile.indexOf(table); at >= 0; at = hostile.indexOf(table, at + 4))
      hostile.fill(0xff, at + (table === "stsc" ? 16 : 12), at + 20);
    await identify(new Counted(hostile), defaultLimits).catch((error: unknown) => {
      expect(error).toBeInstanceOf(Rejection);
    });
  }
});

test("eight stray bytes at the end of a WebM do not send the search in circles", async () => {
  const whole = await readFile(await clip("recorder-vp8.webm"));
  const tracks = whole.indexOf(Buffer.from("1654ae6b", "hex"));
  for (let stray = 1; stray <= 16; stray++) {
    const source = new Counted(Buffer.concat([whole.subarray(0, tracks), Buffer.alloc(stray, 0xff)]));
    await expect(identify(source, defaultLimits)).rejects.toBeInstanceOf(Rejection);
  }
});

test.for<ClipName>(["h264-index-first.mp4", "phone-hevc.mov", "recorder-vp8.webm"])(
  "%s with any damage is either understood or rejected",
  async (name) => {
    const whole = await readFile(await clip(name));
    let seed = 20_261_101;
    const random = (below: number) => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) % below;
    for (let round = 0; round < 150; round++) {
      const damaged = Buffer.from(whole);
      for (let hits = 0; hits <= random(20); hits++) damaged[random(Math.min(6000, damaged.length))] = random(256);
      const error: unknown = await identify(new Counted(damaged), defaultLimits).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      if (error !== undefined) expect(error, `round ${round}`).toBeInstanceOf(Rejection);
    }
  },
);
