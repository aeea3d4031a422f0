import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { milliseconds } from "../../local/host/settings.ts";
import { clip } from "../../scripts/clips.ts";
import { setClockForTests } from "../../shared/clock.ts";
import { LeaseLost } from "../../shared/tenancy/lease.ts";
import { processVideo } from "../../shared/videos/processVideo.ts";
import { type Work, claim, freeLease, processing } from "../../shared/videos/workLease.ts";
import { videoKind } from "../../shared/videos/video.ts";
import { backendOfFile } from "../support/backend.ts";
import { type GuestUpload, arrivedUpload, complete, tracesOf } from "./guestUpload.ts";

backendOfFile();

const beatSeconds = 5;

let video: string;
beforeAll(async () => {
  video = await clip("h264-silent.mp4");
});
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
});
afterEach(() => {
  vi.useRealTimers();
  setClockForTests();
  ahead = 0;
});

let ahead = 0;

/** The clock goes on and nothing else happens, as when a process stands still. */
function standStill(seconds: number): void {
  ahead += seconds * 1000;
  setClockForTests(() => new Date(Date.now() + ahead));
}

/** The clock goes on, and the heart beats. */
async function pass(seconds: number): Promise<void> {
  for (let at = 0; at < seconds; at += beatSeconds) {
    standStill(beatSeconds);
    await vi.advanceTimersByTimeAsync(beatSeconds * 1000);
    // A beat is a request to the database.
    await delay(50);
  }
}

async function begun(): Promise<{ readonly upload: GuestUpload; readonly work: Work }> {
  const upload = await arrivedUpload(video);
  await complete(upload);
  const work = await claimed(upload);
  if (work === undefined) throw new Error("somebody else was quicker");
  return { upload, work };
}

async function claimed({ tenant, videoId }: GuestUpload): Promise<Work | undefined> {
  const lease = await freeLease(tenant, processing, videoId);
  return lease === "busy"
    ? undefined
    : await claim(tenant, processing, await tenant.repository.get(videoKind, videoId), lease);
}

it("keeps its lease through work that is three times as long, and a second delivery does nothing", async () => {
  const { upload, work } = await begun();
  await pass(180);
  expect(work.signal.aborted).toBe(false);
  work.report(0.5);
  await pass(beatSeconds);
  // The lease that the second one finds is about to end; it waits for that, and finds it renewed.
  standStill(58);
  const { tenant, guest, videoId } = upload;
  const second = processVideo(tenant, guest.surveyId, videoId);
  await delay(200);
  await pass(beatSeconds);
  expect(await second).toBe("idle");
  expect(await tracesOf(upload)).toMatchObject({ state: "processing", lease: true });
  await work.end();
});

it("gives way to another when it has stood still for longer than the lease", async () => {
  const { upload, work } = await begun();
  standStill(61);
  const other = await claimed(upload);
  expect(other).toBeDefined();
  await pass(beatSeconds);
  expect(work.signal.reason).toBeInstanceOf(LeaseLost);
  expect(other?.signal.aborted).toBe(false);
  await expect(work.end()).rejects.toThrow(LeaseLost);
  await other?.end();
});

it("ends before the host would end the whole process", async () => {
  const { functionTimeout } = JSON.parse(await readFile("host.json", "utf8")) as { functionTimeout: string };
  const { work } = await begun();
  standStill(milliseconds(functionTimeout) / 1000 - 20 * 60);
  await pass(beatSeconds);
  expect(work.signal.aborted).toBe(false);
  standStill(10 * 60);
  await pass(beatSeconds);
  expect(work.signal.reason).toMatchObject({ message: "the attempt took too long" });
  await work.rest();
});
