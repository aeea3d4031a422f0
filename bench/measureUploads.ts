import { randomBytes, randomUUID } from "node:crypto";
import { readFile, readdir } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { uploadVideo } from "../clients/upload/uploadVideo.ts";
import { expectApi } from "../tests/support/tenant.ts";
import { start } from "../tests/support/upload.ts";

export interface Bench {
  readonly api: { readonly pid: number };
  readonly apiUrl: string;
  /** Sessions of guests, each of whom starts a few uploads only. */
  readonly guests: readonly string[];
  /** Sent for each size of files. */
  readonly bytes: number;
}

/** A minute from a phone is about 130 MB. */
const sizes = [1_000_000_000, 250_000_000, 125_000_000];
const targetSeconds = 0.15;
const repeats = 200;
const idleMs = 10_000;

/** Prints what the function process spends for an upload, for a renewal, and for each GB, by the size of files. */
export async function measureUploads(bench: Bench): Promise<void> {
  const content = new Blob([randomBytes(Math.max(...sizes))]);
  const little = content.slice(0, 1000);
  await many(repeats / 2, (count) => upload(bench, little, count));
  console.log("CPU of the function process, without what it spends in the same time when nobody asks (ms):");
  const one = await cpuOf(bench, () => many(repeats, (count) => upload(bench, little, count)));
  console.log(`an upload, start and completion: ${milliseconds(one.seconds / repeats)}`);
  const [guest = ""] = bench.guests;
  const { id } = await start(guest, little.size);
  const asked = await cpuOf(bench, () =>
    many(repeats, () => expectApi(`GET /v1/guest/videos/${id}`, 200, { token: guest })),
  );
  console.log(`a renewal: ${milliseconds(asked.seconds / repeats)}`);
  console.log(
    "file (MB) | files | sent in (s) | CPU of all (ms) | read and written (MB) | CPU of a GB (ms) | of the target",
  );
  for (const size of sizes) {
    const files = Math.max(Math.round(bench.bytes / size), 1);
    const { wall, seconds, bytes } = await cpuOf(bench, () =>
      many(files, (count) => upload(bench, content.slice(0, size), count)),
    );
    const each = (seconds * 1e9) / (files * size);
    const figures = [wall.toFixed(1), milliseconds(seconds), (bytes / 1e6).toFixed(1), milliseconds(each)];
    console.log([size / 1e6, files, ...figures, (each / targetSeconds).toFixed(2)].join(" | "));
  }
}

async function many(count: number, work: (place: number) => Promise<unknown>): Promise<void> {
  for (let place = 0; place < count; place++) await work(place);
}

async function upload({ apiUrl, guests }: Bench, file: Blob, count: number): Promise<void> {
  const bearer = guests[count % guests.length] ?? "";
  const named = { questionId: "room", contentType: "video/mp4", key: randomUUID() };
  const { state } = await uploadVideo(file, { apiUrl, bearer: () => bearer, ...named });
  if (state !== "uploaded") throw new Error(`an upload is ${state}`);
}

/** What work costs the process, beyond what it spends when nobody asks, which is looked at just before. */
async function cpuOf({ api: { pid } }: Bench, work: () => Promise<void>) {
  const quiet = await usage(pid);
  await delay(idleMs);
  const from = await usage(pid);
  const began = performance.now();
  await work();
  const wall = (performance.now() - began) / 1000;
  const to = await usage(pid);
  const idle = ((from.seconds - quiet.seconds) * wall * 1000) / idleMs;
  return { wall, seconds: Math.max(to.seconds - from.seconds - idle, 0), bytes: to.bytes - from.bytes };
}

/** CPU seconds of all of a process's threads so far, and bytes that it has read and written, sockets included. */
async function usage(pid: number): Promise<{ readonly seconds: number; readonly bytes: number }> {
  const threads = await readdir(`/proc/${pid}/task`);
  const times = await Promise.all(threads.map((id) => readFile(`/proc/${pid}/task/${id}/schedstat`, "utf8")));
  const io = await readFile(`/proc/${pid}/io`, "utf8");
  const moved = [...io.matchAll(/^[rw]char: (\d+)$/gmu)].map(([, bytes]) => Number(bytes));
  return {
    seconds: times.reduce((sum, text) => sum + Number(text.split(" ", 1)[0]), 0) / 1e9,
    bytes: moved.reduce((sum, each) => sum + each, 0),
  };
}

function milliseconds(seconds: number): string {
  return (seconds * 1000).toFixed(1);
}
