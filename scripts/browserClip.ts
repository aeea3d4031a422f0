import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, resolve } from "node:path";
import { chromium } from "playwright-core";

const seconds = 3;
const file = resolve(".cache/clips/browser-recording.webm");

/** Chromium is nowhere to be found. The message is one sentence that says how to get it. */
export class MissingBrowser extends Error {
  override readonly name = "MissingBrowser";
}

/**
 * Path of a recording that a real browser made: Chromium's MediaRecorder on its fake camera and microphone, WebM with VP8
 * and Opus and, as MediaRecorder leaves it, without a duration. Made once, in about six seconds.
 */
export async function browserClip(): Promise<string> {
  if (existsSync(file)) return file;
  const recording = await record(provideBrowser());
  await mkdir(dirname(file), { recursive: true });
  // Renamed when it is whole: two processes may be at it.
  const part = `${file}.${process.pid}`;
  await writeFile(part, recording);
  await rename(part, file);
  return file;
}

/** Debian's Chromium; installed where that may be done without asking. */
export function provideBrowser(): string {
  const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
  const found = () => places.find((place) => existsSync(place));
  const there = found();
  if (there !== undefined) return there;
  if (process.getuid?.() === 0 && existsSync("/usr/bin/apt-get")) {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    const apt = (...args: string[]) => spawnSync("/usr/bin/apt-get", ["-qq", ...args], { env, stdio: "ignore" });
    apt("update");
    apt("install", "-y", "--no-install-recommends", "chromium");
  }
  const installed = found();
  if (installed === undefined)
    throw new MissingBrowser("Chromium is missing: install it, on Debian with `sudo apt-get install chromium`.");
  return installed;
}

async function record(executablePath: string): Promise<Buffer> {
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
    const base64 = await page.evaluate<string>(`(${recorder})(${seconds * 1000})`);
    return Buffer.from(base64, "base64");
  } finally {
    await browser.close();
    server.close();
  }
}

/** Runs in the page. Text, because it is the browser's code: its names are not Node's. */
const recorder = `async (milliseconds) => {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 }, audio: true });
  const recorder = new MediaRecorder(stream, { mimeType: "video/webm;codecs=vp8,opus" });
  const parts = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  const stopped = new Promise((resolve) => (recorder.onstop = resolve));
  recorder.start(250);
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  recorder.stop();
  await stopped;
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}`;

if (import.meta.main) console.log(await browserClip());
