import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "../../local/client.ts";
import { listen, stop } from "../../local/service.ts";
import { provideBrowser } from "../../scripts/browserClip.ts";
import { clip } from "../../scripts/clips.ts";
import { type TestTenant, expectApi, newSurvey, newTenant } from "../support/tenant.ts";
import { send } from "../support/upload.ts";

let tenant: TestTenant;
let folder: string;
let playlist: string;
let durationMs: number;
beforeAll(async () => {
  tenant = await newTenant();
  folder = await mkdtemp(join(tmpdir(), "callpilot-hls-"));
  const questions = [{ id: "room", type: "video", label: "Show the room", hls: true }];
  const { guest, surveyId } = await newSurvey(tenant, { questions });
  const video = `surveys/${surveyId}/videos/${await send(guest, await clip("dark-and-still.mp4"))}`;
  const { token } = tenant.owner;
  await until("the analysis", 100, async () => {
    const { body } = await expectApi<{ analysis?: { state: string } }>(`GET /v1/${video}`, 200, { token });
    return body.analysis?.state === "done" ? body : undefined;
  });
  const { body } = await expectApi<{ video: { durationMs: number }; hls: { playlist: string } }>(
    `POST /v1/${video}/playback`,
    200,
    { token },
  );
  ({ playlist } = body.hls);
  ({ durationMs } = body.video);
}, 120_000);
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

test("ffmpeg plays the playlist over http with nothing but the grants in it", async () => {
  const path = join(folder, "playlist.m3u8");
  await writeFile(path, playlist);
  const { stdout, stderr } = await promisify(execFile)("ffmpeg", [
    ...["-nostdin", "-v", "error", "-xerror", "-protocol_whitelist", "file,http,tcp", "-i", path],
    ...["-map", "0:v:0", "-map", "0:a:0", "-progress", "pipe:1", "-f", "null", "-"],
  ]);
  expect(stderr).toBe("");
  expect(stdout).toContain(`frame=${(durationMs / 1000) * 25}\n`);
});

test("every part is a range of one file under a grant that reads only", async () => {
  const urls = new Set(playlist.match(/https?:[^"\s]+/gu));
  expect(urls.size).toBe(1);
  const [url = ""] = urls;
  const [, length = "", at = ""] = /BYTERANGE:(\d+)@(\d+)/u.exec(playlist) ?? [];
  const range = `bytes=${at}-${Number(at) + Number(length) - 1}`;
  const part = await fetch(url, { headers: { range } });
  expect([part.status, (await part.arrayBuffer()).byteLength]).toEqual([206, Number(length)]);
  expect((await fetch(url, { method: "DELETE" })).status).toBe(403);
  expect((await fetch(url.replace("stream.mp4", "stream.m3u8"))).status).toBe(403);
});

/** What a player of HLS does (RFC 8216, 6.3), with Media Source Extensions alone; gives when the picture has moved. */
const player = `async (playlist) => {
  const url = /https?:[^"\\s]+/u.exec(playlist)[0];
  const ranges = [...playlist.matchAll(/BYTERANGE[=:]"?(\\d+)@(\\d+)/gu)].map(([, length, at]) => [+at, +at + +length - 1]);
  const source = new MediaSource();
  const video = document.createElement("video");
  video.muted = true;
  video.src = URL.createObjectURL(source);
  document.body.append(video);
  const once = (target, name) => new Promise((resolve) => target.addEventListener(name, resolve, { once: true }));
  await once(source, "sourceopen");
  const buffer = source.addSourceBuffer('video/mp4; codecs="avc1.42C00D,mp4a.40.2"');
  for (const [from, to] of ranges) {
    const part = await fetch(url, { headers: { range: "bytes=" + from + "-" + to } });
    const done = once(buffer, "updateend");
    buffer.appendBuffer(await part.arrayBuffer());
    await done;
  }
  source.endOfStream();
  await video.play();
  video.playbackRate = 8;
  await once(video, "ended");
  return { width: video.videoWidth, end: video.currentTime, error: video.error?.message ?? null };
}`;

test("a browser plays it from beginning to end", { timeout: 90_000 }, async () => {
  const pages = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>Player</title>");
  });
  const port = await listen(pages, 0, "pages");
  const browser = await chromium.launch({ executablePath: provideBrowser(), args: ["--no-sandbox"] });
  try {
    const page = await browser.newPage();
    await page.goto(`http://localhost:${port}`);
    const played = await page.evaluate<{ width: number; end: number; error: string | null }>(
      `(${player})(${JSON.stringify(playlist)})`,
    );
    expect(played).toMatchObject({ width: 320, error: null });
    expect(played.end).toBeCloseTo(durationMs / 1000, 0);
  } finally {
    await browser.close();
    await stop(pages);
  }
});
