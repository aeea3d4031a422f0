import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { chromium } from "playwright-core";
import { cache } from "./clips/making.ts";
import { installPackage } from "./debianPackage.ts";

const seconds = 3;

/** What Chromium's MediaRecorder is asked for. Other browsers record the first two, or MP4 with H.264 and AAC (Safari). */
const recorders = {
  "browser-vp8.webm": "video/webm;codecs=vp8,opus",
  "browser-vp9.webm": "video/webm;codecs=vp9,opus",
  "browser-av1.webm": "video/webm;codecs=av1,opus",
  "browser-h264.mkv": "video/x-matroska;codecs=avc1,opus",
  "browser-vp9.mp4": "video/mp4;codecs=vp9,opus",
  "browser-h264.mp4": "video/mp4;codecs=avc1.42E01E,opus",
} as const;
type BrowserClipName = keyof typeof recorders;
export const browserClipNames = Object.keys(recorders) as BrowserClipName[];

/** Chromium is nowhere to be found. The message is one sentence that says how to get it. */
export class MissingBrowser extends Error {
  override readonly name = "MissingBrowser";
}

/**
 * Path of a recording that a real browser made: Chromium's MediaRecorder on its fake camera and microphone. As it leaves
 * them, WebM and Matroska have no duration, and MP4 is in fragments. All of them are made at once, in about six seconds; those
 * of which a busy machine left out pictures are made again, each by itself.
 */
export async function browserClip(name: BrowserClipName = "browser-vp8.webm"): Promise<string> {
  const path = join(cache, name);
  if (!existsSync(path)) await recordAll();
  return path;
}

const mostTries = 10;

async function recordAll(): Promise<void> {
  await mkdir(cache, { recursive: true });
  const browser = provideBrowser();
  const recordings = await record(browser, browserClipNames);
  for (const [index, name] of browserClipNames.entries()) {
    const part = join(cache, `${name}.${process.pid}`);
    await writeFile(part, Buffer.from(recordings[index] ?? "", "base64"));
    let tries = 1;
    while (!(await isWhole(part))) {
      tries++;
      if (tries > mostTries) throw new Error(`${name} has too few pictures: the machine is too busy to record.`);
      const [again = ""] = await record(browser, [name]);
      await writeFile(part, Buffer.from(again, "base64"));
    }
    // Renamed when it is whole: two processes may be at it.
    await rename(part, join(cache, name));
  }
}

/** The fake camera takes 20 pictures a second, of which recorders leave out what they have no time for. */
async function isWhole(path: string): Promise<boolean> {
  const times = ["-select_streams", "v:0", "-show_entries", "packet=pts_time", "-of", "json"];
  const asked = promisify(execFile)("ffprobe", ["-v", "error", ...times, path]);
  // It ends with a code where there is no film in the file.
  const { stdout } = await asked.catch((error: unknown) => {
    if (typeof (error as { readonly code?: unknown }).code === "number") return { stdout: "{}" };
    throw error;
  });
  const { packets = [] } = JSON.parse(stdout) as { readonly packets?: readonly { readonly pts_time: string }[] };
  const last = Math.max(0, ...packets.map(({ pts_time }) => Number(pts_time)));
  return packets.length > 8 * seconds && last > seconds - 0.7;
}

/** Debian's Chromium; installed where that may be done without asking. */
export function provideBrowser(): string {
  const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
  const found = () => places.find((place) => existsSync(place));
  const there = found();
  if (there !== undefined) return there;
  installPackage("chromium");
  const installed = found();
  if (installed === undefined)
    throw new MissingBrowser("Chromium is missing: install it, on Debian with `sudo apt-get install chromium`.");
  return installed;
}

/** The recordings in base64, in the order of their names. */
async function record(executablePath: string, names: readonly BrowserClipName[]): Promise<readonly string[]> {
  // A camera needs a secure context, which a page on localhost is.
  const server = createServer((_request, response) => {
    response.setHeader("content-type", "text/html").end("<!doctype html><title>Recorder</title>");
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const browser = await chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-background-networking",
      "--use-fake-device-for-media-stream",
      "--use-fake-ui-for-media-stream",
    ],
  });
  try {
    const page = await browser.newPage();
    await page.goto(`http://localhost:${(server.address() as AddressInfo).port}/`);
    return await page.evaluate<string[]>(
      `(${recorder})(${seconds * 1000}, ${JSON.stringify(names.map((name) => recorders[name]))})`,
    );
  } finally {
    await browser.close();
    server.close();
  }
}

/** Runs in the page. Text, because it is the browser's code: its names are not Node's. */
const recorder = `async (milliseconds, types) => {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 }, audio: true });
  const recordings = types.map(async (mimeType) => {
    const recorder = new MediaRecorder(stream, { mimeType });
    const parts = [];
    recorder.ondataavailable = ({ data }) => parts.push(data);
    const stopped = new Promise((resolve, reject) => {
      recorder.onstop = resolve;
      recorder.onerror = ({ error }) => reject(error);
    });
    recorder.start(250);
    setTimeout(() => recorder.stop(), milliseconds);
    await stopped;
    const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
    let text = "";
    for (const byte of bytes) text += String.fromCharCode(byte);
    return btoa(text);
  });
  return Promise.all(recordings);
}`;

if (import.meta.main) console.log(await browserClip());
