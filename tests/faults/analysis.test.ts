import { beforeAll, describe, expect, it } from "vitest";
import { clip } from "../../scripts/clips.ts";
import { LeaseLost } from "../../shared/tenancy/lease.ts";
import { analyseVideo } from "../../shared/videos/analyseVideo.ts";
import { videoKind } from "../../shared/videos/video.ts";
import { removeDeadFolders } from "../../shared/videos/workFolder.ts";
import { analysis } from "../../shared/videos/workLease.ts";
import { backendOfFile } from "../support/backend.ts";
import { reachedSites, run } from "../support/faultHook.ts";
import { analysisFaultFiles, sitesOf } from "../support/faultSites.ts";
import {
  type GuestUpload,
  beginElsewhere,
  readyVideo,
  setLease,
  setSurvey,
  setVideo,
  tracesOf,
} from "./guestUpload.ts";
import { letLeasesEnd, strikeEverywhere } from "./strikeEverywhere.ts";

backendOfFile();

let blink: string;
let black: string;
beforeAll(async () => {
  [blink, black] = await Promise.all([clip("blink.mp4"), clip("blink-black.mp4")]);
  await removeDeadFolders("none");
});

const nothing = { manifest: false, lease: false, folders: 0 };

describe("an analysis whose process dies, loses an answer or is overtaken, at any await", () => {
  const analyse = ({ tenant, videoId }: GuestUpload) => analyseVideo(tenant, videoId);
  /** Where an analysis asks for the file that it fetches. */
  const fetching = { site: sitesOf("shared/videos/examineVideo.ts")[0] ?? "", time: 1 };

  async function analysed(file: string) {
    const upload = await readyVideo(file);
    await analyse(upload);
    return await tracesOf(upload);
  }

  let analysing: readonly string[];

  it("is done exactly once, and the stream made", { timeout: 240_000 }, async () => {
    const traces = await analysed(blink);
    analysing = await strikeEverywhere({
      arrive: () => readyVideo(blink),
      step: analyse,
      left: () => traces,
      files: analysisFaultFiles,
    });
    expect(traces).toMatchObject({
      ...nothing,
      state: "ready",
      analysis: "done",
      survey: "in_progress",
      events: ["video.uploaded", "video.analysed"],
    });
    expect(Object.keys(traces.blobs)).toEqual(["videos/stream.m3u8", "videos/stream.mp4", "videos/video.mp4"]);
    expect(traces.counted).toBe(Object.values(traces.blobs).reduce((sum, size) => sum + size, 0));
    expect(analysing.length).toBeGreaterThan(20);
  });

  it("asks for a retake exactly once and gives a submitted survey back", { timeout: 120_000 }, async () => {
    const traces = await analysed(black);
    await strikeEverywhere({
      arrive: async () => {
        const upload = await readyVideo(black);
        await setSurvey(upload, { state: "submitted" });
        return upload;
      },
      step: analyse,
      left: () => ({
        ...traces,
        survey: "changes_requested",
        events: ["video.uploaded", "video.analysed", "survey.changes_requested"],
      }),
      like: analysing,
      files: analysisFaultFiles,
    });
  });

  it.for(["completed", "cancelled", "expired"] as const)("asks for nothing once the survey is %s", async (state) => {
    const upload = await readyVideo(black);
    await setSurvey(upload, { state });
    expect((await run(() => analyse(upload))).end).toEqual({ value: "analysed" });
    expect(await tracesOf(upload)).toMatchObject({ survey: state, events: ["video.uploaded", "video.analysed"] });
    const { remarks } = await upload.tenant.repository.get(videoKind, upload.videoId);
    expect(remarks).toContainEqual({ gate: "black", asks: "hint" });
  });

  it("gives an analysis up at the fifth failure, and after the attempts of others who died; the video stays", async () => {
    const [fails, died] = [await readyVideo(blink), await readyVideo(blink)];
    await setVideo(fails, { analysisAttempts: 4 });
    const { end } = await run(() => analyse(fails), { ...fetching, mode: "lost", overtake: () => Promise.resolve() });
    expect(end).toHaveProperty("error");
    await setVideo(died, { analysisAttempts: 5 });
    await setLease(died, -1, analysis);
    expect((await run(() => analyse(died))).end).toEqual({ value: "not_analysed" });
    for (const upload of [fails, died])
      expect(await tracesOf(upload)).toMatchObject({
        ...nothing,
        state: "ready",
        analysis: "failed",
        blobs: { "videos/video.mp4": upload.size },
      });
  });

  it("leaves nothing of the analysis of a video that is deleted before, or meanwhile", async () => {
    const [before, meanwhile] = [await readyVideo(blink), await readyVideo(blink)];
    await setVideo(before, { state: "deleted" });
    await setLease(before, -1, analysis);
    const overtake = () => setVideo(meanwhile, { state: "deleted" });
    const ends = [
      await run(() => analyse(before)),
      await run(() => analyse(meanwhile), { ...fetching, mode: "overtaken", overtake }),
    ];
    expect(ends.map(({ end }) => end)).toEqual([{ value: "idle" }, { value: "idle" }]);
    for (const upload of [before, meanwhile])
      expect(await tracesOf(upload)).toEqual({
        ...nothing,
        state: "deleted",
        analysis: "waiting",
        survey: "in_progress",
        events: ["video.uploaded"],
        counted: upload.size,
        blobs: { "videos/video.mp4": upload.size },
      });
  });

  it("leaves nothing where another machine has ended it meanwhile and the video was deleted", async () => {
    const upload = await readyVideo(blink);
    const overtake = async () => {
      letLeasesEnd();
      await run(() => analyse(upload));
      await setVideo(upload, { state: "deleted" });
    };
    // Before the first file of the stream is stored.
    const site = sitesOf("shared/videos/examineVideo.ts").at(-4) ?? "";
    const { end } = await run(() => analyse(upload), { site, time: 1, mode: "overtaken", overtake });
    expect(end).toEqual({ value: "idle" });
    expect((await tracesOf(upload)).blobs).toEqual({ "videos/video.mp4": upload.size });
  });

  it("is asked for again where it was lost and nobody else is at work on it", async () => {
    const upload = await readyVideo(blink);
    const overtake = async () => {
      letLeasesEnd();
      await beginElsewhere(upload, analysis);
      letLeasesEnd();
    };
    const { end } = await run(() => analyse(upload), { ...fetching, mode: "overtaken", overtake });
    expect(end).toEqual({ error: expect.any(LeaseLost) as LeaseLost });
    expect((await run(() => analyse(upload))).end).toEqual({ value: "analysed" });
  });

  it("leaves no await of these files untried", () => {
    const untried = analysisFaultFiles.flatMap(sitesOf).filter((site) => !reachedSites().has(site));
    expect(untried).toEqual([]);
  });
});
