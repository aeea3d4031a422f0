import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { ulid } from "ulid";
import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "../../local/client.ts";
import { browserClip } from "../../scripts/browserClip.ts";
import { type ClipName, clip } from "../../scripts/clips.ts";
import { Player } from "../support/player.ts";
import { type TestTenant, api, expectApi, newSurvey, newTenant } from "../support/tenant.ts";
import { processed, refusal, send, start } from "../support/upload.ts";

interface Playback {
  readonly video: {
    readonly url: string;
    readonly durationMs: number;
    readonly width: number;
    readonly height: number;
  };
  readonly poster: { readonly url: string };
  readonly storyboard: { readonly url: string; readonly cues: readonly { readonly width: number }[] };
  readonly timeline?: {
    readonly waveform: readonly number[];
    readonly silent: readonly object[];
    readonly black: readonly object[];
  };
  readonly expiresAt: string;
}
interface VideoEvent {
  readonly type: string;
  readonly data: { readonly videoId?: string };
}
interface Probe {
  readonly streams: readonly {
    readonly codec_name: string;
    readonly duration?: string;
    readonly width?: number;
    readonly height?: number;
  }[];
  readonly format: { readonly duration: string; readonly tags?: Readonly<Record<string, string>> };
}

let tenant: TestTenant;
let folder: string;
beforeAll(async () => {
  tenant = await newTenant();
  folder = await mkdtemp(join(tmpdir(), "callpilot-videos-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function fetched(url: string): Promise<string> {
  const answer = await fetch(url);
  expect(answer.status).toBe(200);
  const path = join(folder, ulid());
  await writeFile(path, new Uint8Array(await answer.arrayBuffer()));
  return path;
}

async function probe(path: string): Promise<Probe> {
  const args = ["-v", "error", "-show_streams", "-show_format", "-of", "json", path];
  const { stdout } = await promisify(execFile)("ffprobe", args);
  return JSON.parse(stdout) as Probe;
}

/** What the tenant's log tells of a video. */
async function eventsOf(videoId: string): Promise<VideoEvent[]> {
  const own: VideoEvent[] = [];
  for (let [after, more] = [0, true]; more;) {
    const { body } = await expectApi<{ items: VideoEvent[]; nextAfter: number; more: boolean }>(
      `GET /v1/events?limit=100&after=${after}`,
      200,
      { token: tenant.owner.token },
    );
    own.push(...body.items.filter(({ data }) => data.videoId === videoId));
    ({ nextAfter: after, more } = body);
  }
  return own;
}

const readyClip = async (name: ClipName, contentType: string) => readyVideo(await clip(name), contentType);

async function readyVideo(path: string, contentType: string) {
  const { guest, surveyId } = await newSurvey(tenant);
  const id = await send(guest, path, { contentType });
  expect(await processed(guest, id)).toMatchObject({ state: "ready" });
  return { guest, surveyId, path, video: `surveys/${surveyId}/videos/${id}`, id };
}

test("what a phone records plays upright, without place and device", { timeout: 90_000 }, async () => {
  const { token } = tenant.owner;
  const { path, video } = await readyClip("phone-hevc.mov", "video/quicktime");
  const shown = await expectApi(`GET /v1/${video}`, 200, { token });
  const original = await readFile(path);
  expect(shown.body).toMatchObject({
    state: "ready",
    contentType: "video/quicktime",
    original: { size: original.length, sha256: createHash("sha256").update(original).digest("hex") },
    media: { method: "transcode", width: 240, height: 320 },
  });
  const etag = shown.headers.get("etag") ?? "";
  expect((await api(`GET /v1/${video}`, { token, headers: { "if-none-match": etag } })).status).toBe(304);

  const { body } = await expectApi<Playback>(`POST /v1/${video}/playback`, 200, { token });
  const left = Date.parse(body.expiresAt) - Date.now();
  expect(left).toBeGreaterThan(13 * 60_000);
  expect(left).toBeLessThanOrEqual(15 * 60_000);
  const file = await fetched(body.video.url);
  const { streams, format } = await probe(file);
  expect(streams.map(({ codec_name }) => codec_name)).toEqual(["h264", "aac"]);
  expect(streams[0]).toMatchObject({ width: 240, height: 320 });
  expect(Number(format.duration)).toBeCloseTo(body.video.durationMs / 1000, 0);
  const content = (await readFile(file)).toString("latin1");
  for (const trace of ["52.52", "13.40", "iPhone"]) expect(content).not.toContain(trace);
  expect((await probe(await fetched(body.poster.url))).streams[0]).toMatchObject({ codec_name: "mjpeg" });
  expect(body.storyboard.cues.length).toBeGreaterThan(1);
  await fetched(body.storyboard.url);
});

test("what a browser records, which does not say how long it is, plays and can be sought in", async () => {
  const { token } = tenant.owner;
  const { video } = await readyClip("recorder-vp8.webm", "video/webm;codecs=vp8,opus");
  const { body } = await expectApi<Playback>(`POST /v1/${video}/playback`, 200, { token });
  expect(body.video.durationMs).toBeGreaterThan(2500);
  const part = await fetch(body.video.url, { headers: { range: "bytes=0-99" } });
  expect([part.status, (await part.arrayBuffer()).byteLength]).toEqual([206, 100]);
  expect(part.headers.get("content-type")).toBe("video/mp4");
  expect((await probe(await fetched(body.video.url))).streams[0]).toMatchObject({ codec_name: "h264" });
});

test(
  "what follows ready tells how a video sounds and looks, and its timeline shows where",
  { timeout: 120_000 },
  async () => {
    const { token } = tenant.owner;
    const { video, id } = await readyClip("dark-and-still.mp4", "video/mp4");
    const analysis = await until("the analysis", 100, async () => {
      const { body } = await expectApi<{ analysis: { state: string } }>(`GET /v1/${video}`, 200, { token });
      return body.analysis.state === "done" ? body.analysis : undefined;
    });
    expect(analysis).toMatchObject({
      blackMs: 3000,
      frozenMs: 7000,
      loudness: { rangeLu: expect.any(Number) as number },
    });
    const { body } = await expectApi<Playback>(`POST /v1/${video}/playback`, 200, { token });
    expect(body.timeline?.waveform).toHaveLength(800);
    expect(body.timeline?.black).toEqual([{ startMs: 0, endMs: 3000 }]);
    expect(body.timeline?.silent).toHaveLength(1);
    await until("the event video.analysed", 20, async () =>
      (await eventsOf(id)).find(({ type }) => type === "video.analysed"),
    );
  },
);

test("a grant to play reads one file and writes nothing", async () => {
  const { video } = await readyClip("h264-silent.mp4", "video/mp4");
  const { body } = await expectApi<Playback>(`POST /v1/${video}/playback`, 200, { token: tenant.owner.token });
  const url = new URL(body.video.url);
  expect((await fetch(url, { method: "DELETE" })).status).toBe(403);
  url.pathname = url.pathname.replace("video.mp4", "poster.jpg");
  expect((await fetch(url)).status).toBe(403);
});

test("a video that is not ready cannot be played, and one of another survey does not exist", async () => {
  const { token } = tenant.owner;
  const { guest, surveyId } = await newSurvey(tenant);
  const other = await newSurvey(tenant);
  const { id } = await start(guest, 10);
  const video = `surveys/${surveyId}/videos/${id}`;
  expect(await refusal(`POST /v1/${video}/playback`, token)).toMatchObject({ status: 409, code: "not_ready" });
  expect((await expectApi(`GET /v1/${video}`, 200, { token })).body).toMatchObject({ state: "awaiting_upload" });
  const elsewhere = `surveys/${other.surveyId}/videos/${id}`;
  for (const operation of [`GET /v1/${elsewhere}`, `POST /v1/${elsewhere}/playback`])
    expect(await refusal(operation, token)).toMatchObject({ status: 404 });
});

test("a surveyor sees and plays assigned surveys only, an auditor all, a guest none", async () => {
  const { guest, video } = await readyClip("h264-silent.mp4", "video/mp4");
  const [surveyor, auditor] = await Promise.all([tenant.join("surveyor"), tenant.join("auditor")]);
  const statusFor = async (token: string) =>
    await Promise.all(
      [`GET /v1/${video}`, `POST /v1/${video}/playback`].map(async (it) => (await api(it, { token })).status),
    );
  expect(await statusFor(surveyor.token)).toEqual([404, 404]);
  expect(await statusFor(auditor.token)).toEqual([200, 200]);
  expect(await statusFor(guest)).toEqual([403, 403]);
  const stranger = await newTenant();
  expect(await statusFor(stranger.owner.token)).toEqual([404, 404]);
});

test(
  "the tenant's log tells of the upload, of the ready video, and then of its evidence and analysis",
  { timeout: 120_000 },
  async () => {
    const { surveyId, id } = await readyClip("h264-silent.mp4", "video/mp4");
    const events = await until("the events that follow video.ready", 100, async () => {
      const own = await eventsOf(id);
      return own.length >= 4 ? own : undefined;
    });
    const types = events.map(({ type }) => type);
    expect(types.slice(0, 2)).toEqual(["video.uploaded", "video.ready"]);
    // They follow it independently of each other.
    expect(new Set(types.slice(2))).toEqual(new Set(["video.sealed", "video.analysed"]));
    expect(events[0]?.data).toMatchObject({ surveyId, videoId: id, questionId: "room" });
  },
);

test("what a browser recorded has no duration, and plays with one", { timeout: 90_000 }, async () => {
  const recording = await browserClip();
  expect((await probe(recording)).format.duration).toBeUndefined();
  const { video } = await readyVideo(recording, "video/webm;codecs=vp8,opus");
  const { body } = await expectApi<Playback>(`POST /v1/${video}/playback`, 200, { token: tenant.owner.token });
  const { streams, format } = await probe(await fetched(body.video.url));
  expect(streams.map(({ codec_name }) => codec_name)).toEqual(["h264", "aac"]);
  expect(Number(format.duration)).toBeGreaterThan(2);
  // The camera of a busy machine may end before its microphone: what is told is how long it plays.
  expect(Math.abs(Number(format.duration) * 1000 - body.video.durationMs)).toBeLessThan(70);
});

test(
  "what phones and browsers record plays in a browser for as long as the API says",
  { timeout: 120_000 },
  async () => {
    await using player = await Player.start();
    const paths = [
      await clip("phone-tagged.mov"),
      await clip("sound-longer.webm"),
      await browserClip("browser-h264.mp4"),
    ];
    const ready = await Promise.all(paths.map((path) => readyVideo(path, "video/mp4")));
    for (const { video } of ready) {
      const { body } = await expectApi<Playback>(`POST /v1/${video}/playback`, 200, { token: tenant.owner.token });
      const { width, height, durationMs } = body.video;
      const played = await player.play(await fetched(body.video.url));
      expect(played).toMatchObject({ width, height });
      expect(Math.abs(played.duration * 1000 - durationMs)).toBeLessThanOrEqual(80);
    }
  },
);
