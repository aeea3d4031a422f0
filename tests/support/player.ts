import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { type Server, type ServerResponse, createServer } from "node:http";
import { type Browser, chromium } from "playwright-core";
import { listen, stop } from "../../local/service.ts";
import { provideBrowser } from "../../scripts/browserClip.ts";

type Colour = readonly [red: number, green: number, blue: number];

/** Colours of a picture: in its corners and in the middle. */
interface Colours {
  readonly topLeft: Colour;
  readonly topRight: Colour;
  readonly bottomLeft: Colour;
  readonly bottomRight: Colour;
  readonly middle: Colour;
}

/** What a `<video>` element tells of a file, and shows of it. */
export interface Played {
  /** Seconds. */
  readonly duration: number;
  readonly width: number;
  readonly height: number;
  /** Seconds at which it ended, after it had played its last half second. */
  readonly endedAt: number;
  /** In the middle of the film, as a canvas has them. */
  readonly colours: Colours;
}

/** Chromium as a player of files, each in a page of its own. */
export class Player implements AsyncDisposable {
  readonly #browser: Browser;
  readonly #server: Server;
  readonly #origin: string;
  readonly #files: string[] = [];

  private constructor(browser: Browser, server: Server, port: number) {
    this.#browser = browser;
    this.#server = server;
    this.#origin = `http://127.0.0.1:${port}`;
    server.on("request", ({ url = "", headers }, response) => {
      const file = this.#files[Number(url.slice(1))];
      if (file === undefined) {
        response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>Player</title>");
        return;
      }
      void sendRange(file, headers.range, response);
    });
  }

  static async start(): Promise<Player> {
    const server = createServer();
    const port = await listen(server, 0, "films");
    const args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"];
    const browser = await chromium.launch({
      executablePath: provideBrowser(),
      args: [...args, "--autoplay-policy=no-user-gesture-required"],
    });
    return new Player(browser, server, port);
  }

  /** Plays the file. Throws the browser's own words for one that it cannot play. */
  async play(path: string): Promise<Played> {
    const place = this.#files.push(path) - 1;
    const page = await this.#browser.newPage();
    try {
      await page.goto(`${this.#origin}/page`);
      return await page.evaluate<Played>(`(${player})("/${place}")`);
    } finally {
      await page.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
    this.#server.closeAllConnections();
    await stop(this.#server);
  }
}

/** `bytes=from-to`, as browsers ask for what they play; without an end, or without it all, the rest of the file. */
async function sendRange(file: string, range: string | undefined, response: ServerResponse): Promise<void> {
  const { size } = await stat(file);
  const [from, to] = range?.replace("bytes=", "").split("-") ?? [];
  const [start, end] = [Number(from ?? 0), to === undefined || to === "" ? size - 1 : Number(to)];
  response.writeHead(206, {
    "content-type": "video/mp4",
    "content-length": end - start + 1,
    "content-range": `bytes ${start}-${end}/${size}`,
  });
  createReadStream(file, { start, end }).pipe(response);
}

/** Runs in the page. Text, because it is the browser's code: its names are not Node's. */
const player = `async (url) => {
  const video = document.createElement("video");
  const next = (name) =>
    new Promise((resolve, reject) => {
      video.addEventListener(name, resolve, { once: true });
      video.addEventListener("error", () => reject(new Error(video.error.message || "it cannot be played")), { once: true });
    });
  const seek = (time) => {
    const there = next("seeked");
    video.currentTime = time;
    return there;
  };
  video.muted = true;
  video.preload = "auto";
  document.body.append(video);
  const ready = next("loadeddata");
  video.src = url;
  await ready;
  const { duration, videoWidth: width, videoHeight: height } = video;
  await seek(duration / 2);
  const side = 16;
  const context = new OffscreenCanvas(side, side).getContext("2d", { willReadFrequently: true });
  context.drawImage(video, 0, 0, side, side);
  const colour = (x, y) => [...context.getImageData(x, y, 1, 1).data].slice(0, 3);
  const colours = {
    topLeft: colour(1, 1),
    topRight: colour(side - 2, 1),
    bottomLeft: colour(1, side - 2),
    bottomRight: colour(side - 2, side - 2),
    middle: colour(side / 2, side / 2),
  };
  await seek(Math.max(0, duration - 0.5));
  const ended = next("ended");
  await video.play();
  await ended;
  return { duration, width, height, endedAt: video.currentTime, colours };
}`;
