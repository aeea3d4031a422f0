import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { clip } from "../../scripts/clips.ts";
import { deleteBlob } from "../../shared/storage/blobs.ts";
import { LeaseLost } from "../../shared/tenancy/lease.ts";
import { announceAgain } from "../../shared/videos/manifest.ts";
import { processVideo } from "../../shared/videos/processVideo.ts";
import { blobNames } from "../../shared/videos/video.ts";
import { removeDeadFolders } from "../../shared/videos/workFolder.ts";
import { progressOf } from "../../shared/videos/workLease.ts";
import { backendOfFile } from "../support/backend.ts";
import { reachedSites, run } from "../support/faultHook.ts";
import { faultFiles, sitesOf } from "../support/faultSites.ts";
import {
  arrivedUpload,
  beginElsewhere,
  cancel,
  complete,
  completedUpload,
  deliver,
  setLease,
  setSurvey,
  setVideo,
  tracesOf,
} from "./guestUpload.ts";
import { letLeasesEnd, strikeEverywhere } from "./strikeEverywhere.ts";

backendOfFile();

let video: string;
let text: string;
beforeAll(async () => {
  [video, text] = await Promise.all([clip("h264-silent.mp4"), clip("text.mp4")]);
  await removeDeadFolders("none");
});

/** Does the work on another machine, which has temporary files of its own. */
async function elsewhere(work: () => Promise<unknown>): Promise<void> {
  const here = tmpdir();
  const folder = await mkdtemp(join(here, "callpilot-machine-"));
  vi.stubEnv("TMPDIR", folder);
  try {
    await work();
  } finally {
    vi.stubEnv("TMPDIR", here);
    await rm(folder, { recursive: true, force: true });
  }
}

const nothing = { manifest: false, lease: false, folders: 0 };

describe("a process that dies, loses an answer or is overtaken, at any await", () => {
  let rejecting: readonly string[];

  it("completes an upload exactly once", { timeout: 120_000 }, async () => {
    const hits = await strikeEverywhere({
      arrive: () => arrivedUpload(video),
      step: complete,
      left: ({ size }) => ({
        ...nothing,
        state: "uploaded",
        survey: "in_progress",
        events: ["video.uploaded"],
        counted: size,
        blobs: { incoming: size },
        manifest: true,
      }),
    });
    expect(hits.length).toBeGreaterThan(8);
  });

  it("rejects a video exactly once and gives a submitted survey back", { timeout: 240_000 }, async () => {
    rejecting = await strikeEverywhere({
      arrive: async () => {
        const upload = await completedUpload(text);
        await setSurvey(upload, { state: "submitted" });
        return upload;
      },
      step: deliver,
      left: () => ({
        ...nothing,
        state: "rejected",
        rejection: "unsupported_format",
        survey: "changes_requested",
        events: ["video.uploaded", "video.rejected", "survey.changes_requested"],
        counted: 0,
        blobs: {},
      }),
    });
    expect(rejecting.length).toBeGreaterThan(40);
  });

  it("makes a video ready exactly once", { timeout: 300_000 }, async () => {
    const { blobs, ...traces } = await madeReady();
    const hits = await strikeEverywhere({
      arrive: () => completedUpload(video),
      step: deliver,
      left: () => ({ ...traces, blobs }),
      like: rejecting,
    });
    expect(traces).toMatchObject({ ...nothing, state: "ready", events: ["video.uploaded", "video.ready"] });
    expect(Object.keys(blobs)).toEqual(["originals", "videos/poster.jpg", "videos/storyboard.jpg", "videos/video.mp4"]);
    expect(traces.counted).toBe(Object.values(blobs).reduce((sum, size) => sum + size, 0));
    expect(hits.length).toBeGreaterThan(45);
  });

  async function madeReady() {
    const upload = await completedUpload(video);
    await deliver(upload);
    return await tracesOf(upload);
  }

  it("gives a video up exactly once, after the attempts of others who died", { timeout: 120_000 }, async () => {
    await strikeEverywhere({
      arrive: async () => {
        const upload = await completedUpload(text);
        await setVideo(upload, { state: "processing", attempts: 5 });
        await setLease(upload, 50);
        return upload;
      },
      step: deliver,
      left: ({ size }) => ({
        ...nothing,
        state: "processing_failed",
        survey: "in_progress",
        events: ["video.uploaded", "video.processing_failed"],
        counted: size,
        blobs: { incoming: size },
      }),
      like: rejecting,
    });
  });

  it("leaves nothing where another machine finished the video meanwhile and its guest deleted it", async () => {
    const upload = await completedUpload(video);
    const overtake = async () => {
      letLeasesEnd();
      await elsewhere(() => run(() => deliver(upload)));
      await run(() => cancel(upload));
    };
    // Before the first of the three files is stored.
    const site = sitesOf("shared/videos/prepareVideo.ts").at(-3) ?? "";
    expect(await run(() => deliver(upload), { site, time: 1, mode: "overtaken", overtake })).toMatchObject({
      end: { value: "idle" },
    });
    const left = { ...nothing, state: "deleted", counted: 0, blobs: {} };
    expect(await tracesOf(upload)).toEqual(expect.objectContaining(left));
  });

  it("has a video delivered again that it lost and nobody else is at work on", async () => {
    const upload = await completedUpload(video);
    const overtake = async () => {
      letLeasesEnd();
      await beginElsewhere(upload);
      letLeasesEnd();
    };
    const site = sitesOf("shared/videos/prepareVideo.ts").at(-3) ?? "";
    const { end } = await run(() => deliver(upload), { site, time: 1, mode: "overtaken", overtake });
    expect(end).toEqual({ error: expect.any(LeaseLost) as LeaseLost });
    expect((await run(() => deliver(upload))).end).toEqual({ value: "ready" });
  });

  it("gives a video up at once whose upload is gone, so that it holds no place of others'", async () => {
    const upload = await completedUpload(video);
    await deleteBlob(upload.container, blobNames(upload.guest.surveyId, upload.videoId).incoming);
    expect((await run(() => deliver(upload))).end).toMatchObject({ error: { name: "UploadMissing" } });
    expect(await tracesOf(upload)).toMatchObject({ state: "processing_failed", lease: false, folders: 0 });
    expect((await run(() => deliver(upload))).end).toEqual({ value: "idle" });
  });

  it("gives a video up when the fifth attempt fails", async () => {
    const upload = await completedUpload(video);
    await setVideo(upload, { attempts: 4 });
    const site = sitesOf("shared/videos/prepareVideo.ts")[0] ?? "";
    await run(() => deliver(upload), { site, time: 1, mode: "lost", overtake: () => Promise.resolve() });
    expect(await tracesOf(upload)).toMatchObject({ state: "processing_failed", lease: false, folders: 0 });
  });

  it("leaves a video to whoever is at work on it, and shows how far they are", async () => {
    const upload = await completedUpload(video);
    await setVideo(upload, { state: "processing" });
    await setLease(upload, 300_000);
    expect((await run(() => progressOf(upload.tenant, upload.videoId))).end).toEqual({ value: 0.5 });
    const place = { tenantId: upload.tenant.tenantId, surveyId: upload.guest.surveyId, videoId: upload.videoId };
    await run(() => announceAgain(place));
    expect(await tracesOf(upload)).toMatchObject({ state: "processing", lease: true, manifest: true });
  });

  it("removes the manifest of a video that does not exist", async () => {
    const upload = await completedUpload(video);
    const { tenant, guest } = upload;
    const unknown = `${upload.videoId.slice(0, -4)}0000`;
    expect((await run(() => processVideo(tenant, guest.surveyId, unknown))).end).toEqual({ value: "idle" });
  });

  it("leaves no await of these files untried", () => {
    // Of the change, retries after the database's own refusals are left to the tests of the change.
    const files = faultFiles.filter((file) => file !== "shared/tenancy/change.ts");
    const untried = files.flatMap(sitesOf).filter((site) => !reachedSites().has(site));
    expect(untried).toEqual([]);
  });
});
