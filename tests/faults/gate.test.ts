import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { clip } from "../../scripts/clips.ts";
import { now, setClockForTests } from "../../shared/clock.ts";
import { sealEvidence } from "../../shared/evidence/sealEvidence.ts";
import { listByPrefix, putJson, statBlob } from "../../shared/storage/blobs.ts";
import { quarantineContainer, systemContainer } from "../../shared/storage/containers.ts";
import { uploadFile } from "../../shared/storage/streams.ts";
import { analyseVideo } from "../../shared/videos/analyseVideo.ts";
import { playback } from "../../shared/videos/playback.ts";
import { lockAway, maxLocked } from "../../shared/videos/quarantine.ts";
import { recordScan } from "../../shared/videos/recordScan.ts";
import { retryVideo } from "../../shared/videos/retryVideo.ts";
import type { ScanVerdict } from "../../shared/videos/scanResult.ts";
import { type Repair, sweepTenant } from "../../shared/videos/sweepTenant.ts";
import { blobNames, manifestName, videoKind } from "../../shared/videos/video.ts";
import { backendOfFile } from "../support/backend.ts";
import { type Fault, reachedSites, run, strikesOf } from "../support/faultHook.ts";
import { type FaultFile, gateFaultFiles, sitesOf } from "../support/faultSites.ts";
import {
  type GuestUpload,
  beginElsewhere,
  cancel,
  complete,
  completedUpload,
  deliver,
  later,
  nextUpload,
  readyVideo,
  setSurvey,
  setVideo,
  tracesOf,
} from "./guestUpload.ts";

let film: string;
beforeAll(async () => {
  vi.stubEnv("MALWARE_GATE", "defender");
  film = await clip("h264-silent.mp4");
});
backendOfFile();
afterEach(() => {
  setClockForTests();
});

const videoOf = ({ tenant, videoId }: GuestUpload) => tenant.repository.get(videoKind, videoId);
const names = ({ guest, videoId }: GuestUpload) => blobNames(guest.surveyId, videoId);

/** Its copy is scanned, and nobody knows the result. */
async function waiting(): Promise<GuestUpload> {
  const upload = await completedUpload(film);
  expect(await deliver(upload)).toBe("waiting");
  return upload;
}

async function etagOf(upload: GuestUpload): Promise<string> {
  return (
    (await statBlob(upload.container, names(upload).original))?.etag ?? (await videoOf(upload)).scan?.etag ?? "none"
  );
}

/** The scanner's event, with the ETag as events have it. */
async function report(upload: GuestUpload, verdict: ScanVerdict, etag?: string) {
  const { tenant, guest, videoId } = upload;
  const version = etag ?? (await etagOf(upload));
  return await recordScan(tenant, {
    surveyId: guest.surveyId,
    videoId,
    etag: version.replaceAll('"', ""),
    verdict,
  });
}

async function sweep({ tenant }: GuestUpload): Promise<Repair[]> {
  const repairs: Repair[] = [];
  await sweepTenant(tenant, (what) => repairs.push(what));
  return repairs;
}

async function locked({ tenant, container }: GuestUpload): Promise<number[]> {
  const sizes: number[] = [];
  for await (const { size } of listByPrefix(quarantineContainer(tenant.tenantId, container.account), ""))
    sizes.push(size);
  return sizes;
}

/** Version of the manifest, each of which starts processing. */
async function announcedAs({ tenant, guest, videoId }: GuestUpload): Promise<string | undefined> {
  const name = manifestName(tenant.tenantId, guest.surveyId, videoId);
  return (await statBlob(systemContainer("ingest"), name))?.etag;
}

const nobodyAtWork = { lease: false, folders: 0 };

describe("a video at the gate", () => {
  it("waits for its verdict with nobody at work on it, and becomes ready by a clean one", async () => {
    const upload = await waiting();
    const { size } = upload;
    expect(await tracesOf(upload)).toMatchObject({
      ...nobodyAtWork,
      state: "processing",
      manifest: true,
      counted: size,
      blobs: { incoming: size, originals: size },
    });
    const before = await announcedAs(upload);
    expect(await deliver(upload)).toBe("idle");
    expect(await report(upload, "clean")).toBe("scan_recorded");
    expect(await announcedAs(upload)).not.toBe(before);
    const etag = await etagOf(upload);
    expect(await deliver(upload)).toBe("ready");
    const video = await videoOf(upload);
    expect(video.scan).toMatchObject({ gate: "defender", verdict: "clean", etag });
    expect(await etagOf(upload)).toBe(etag);
    expect(await report(upload, "clean")).toBe("scan_recorded");
    expect(await tracesOf(upload)).toMatchObject({ state: "ready", manifest: false });
  });

  it("goes by no verdict but the one on the version that nobody can change any more", async () => {
    const upload = await completedUpload(film);
    const sent = await statBlob(upload.container, names(upload).incoming);
    await report(upload, "clean", sent?.etag);
    expect(await deliver(upload)).toBe("waiting");
    await report(upload, "clean", sent?.etag);
    await report(upload, "clean", "0x8DCE730957D80DE");
    expect(await deliver(upload)).toBe("idle");
    expect(await tracesOf(upload)).toMatchObject({ state: "processing" });
  });

  it("is malware if any verdict on it says so, in whatever order they come", async () => {
    for (const order of [
      ["clean", "malicious"],
      ["malicious", "clean", "failed"],
      ["failed", "malicious", "malicious"],
    ] as const) {
      const upload = await waiting();
      for (const verdict of order) await report(upload, verdict);
      expect(await deliver(upload), order.join()).toBe("quarantined");
    }
  });

  it("whose verdict is there before it waits goes on by itself", async () => {
    const upload = await completedUpload(film);
    const before = await announcedAs(upload);
    const site = sitesOf("shared/videos/recordUnmade.ts").at(-2) ?? "";
    const overtake = () => report(upload, "clean");
    const { end } = await run(() => deliver(upload), { site, time: 1, mode: "overtaken", overtake });
    expect(end).toEqual({ value: "waiting" });
    expect(await announcedAs(upload)).not.toBe(before);
    expect(await deliver(upload)).toBe("ready");
  });

  it("is copied and scanned anew where a scan failed, and given up after five", { timeout: 90_000 }, async () => {
    const upload = await waiting();
    const versions = new Set<string>();
    for (let scan = 2; scan <= 5; scan++) {
      versions.add(await etagOf(upload));
      await report(upload, "failed");
      expect(await deliver(upload)).toBe("waiting");
    }
    versions.add(await etagOf(upload));
    expect(versions.size).toBe(5);
    await report(upload, "failed");
    expect(await deliver(upload)).toBe("processing_failed");
    await retryVideo(upload.tenant, await videoOf(upload));
    expect(await deliver(upload)).toBe("waiting");
    await report(upload, "clean");
    expect(await deliver(upload)).toBe("ready");
  });

  it("whose verdict never comes is told of, stays where it is, and is scanned anew on request", async () => {
    const upload = await waiting();
    await expect(retryVideo(upload.tenant, await videoOf(upload))).rejects.toMatchObject({ code: "not_failed" });
    later({ minutes: 29 });
    expect(await sweep(upload)).toEqual([]);
    later({ minutes: 2 });
    expect(await sweep(upload)).toEqual(["scan_overdue"]);
    expect(await deliver(upload)).toBe("idle");
    const before = await etagOf(upload);
    await retryVideo(upload.tenant, await videoOf(upload));
    expect(await deliver(upload)).toBe("waiting");
    expect(await etagOf(upload)).not.toBe(before);
    await report(upload, "clean");
    expect(await deliver(upload)).toBe("ready");
  });

  it("is announced by the sweep where its verdict came and nobody was told", async () => {
    const upload = await waiting();
    const site = sitesOf("shared/videos/recordScan.ts").at(-1) ?? "";
    const { end } = await run(() => report(upload, "clean"), {
      site,
      time: 1,
      mode: "before",
      overtake: () => report(upload, "clean"),
    });
    expect(end).toBe("died");
    expect(await sweep(upload)).toEqual(["announced_again"]);
  });

  it("is not announced anew by a verdict that is repeated while somebody is at work on it", async () => {
    const upload = await waiting();
    await report(upload, "clean");
    const announced = await announcedAs(upload);
    await beginElsewhere(upload);
    expect(await report(upload, "clean")).toBe("scan_recorded");
    expect(await announcedAs(upload)).toBe(announced);
    later({ minutes: 2 });
    expect(await deliver(upload)).toBe("ready");
  });

  it("of which there is none needs no verdict", async () => {
    const upload = await completedUpload(film);
    const { guest } = upload;
    const unknown = { surveyId: guest.surveyId, videoId: `${upload.videoId.slice(0, -4)}0000`, etag: "1" } as const;
    expect(await recordScan(upload.tenant, { ...unknown, verdict: "malicious" })).toBe("scan_of_nothing");
  });
});

/** As if it had been found clean and become ready, and submitted to the tenant. */
async function readyAtOnce(): Promise<GuestUpload> {
  const upload = await readyVideo(film);
  await uploadFile(upload.container, names(upload).original, film, { contentType: "video/mp4" });
  const scan = { gate: "defender", etag: await etagOf(upload), verdict: "clean", at: now().toISOString() } as const;
  await setVideo(upload, { scan });
  await setSurvey(upload, { state: "submitted" });
  return upload;
}

/** Clean, ready, and submitted to the tenant. */
async function ready(): Promise<GuestUpload> {
  const upload = await waiting();
  await report(upload, "clean");
  expect(await deliver(upload)).toBe("ready");
  await setSurvey(upload, { state: "submitted" });
  return upload;
}

describe("malware that is found after a verdict of clean", () => {
  const gone = {
    ...nobodyAtWork,
    state: "quarantined",
    rejection: "malware",
    survey: "changes_requested",
    counted: 0,
    manifest: false,
    blobs: {},
  };

  it.each(sitesOf("shared/videos/recordOutcome.ts").slice(0, 2))(
    "and before the video is ready keeps it from becoming so, also in that moment (%s)",
    async (site) => {
      const upload = await waiting();
      await setSurvey(upload, { state: "submitted" });
      await report(upload, "clean");
      const overtake = () => report(upload, "malicious");
      const { end } = await run(() => deliver(upload), { site, time: 1, mode: "overtaken", overtake });
      expect(end).toEqual({ value: "quarantined" });
      expect(await tracesOf(upload)).toEqual({
        ...gone,
        events: ["video.uploaded", "video.rejected", "survey.changes_requested"],
      });
      expect((await videoOf(upload)).scan).toMatchObject({ verdict: "malicious" });
      expect(await locked(upload)).toEqual([upload.size]);
    },
  );

  it("keeps a video that is processed again from ffmpeg", async () => {
    const upload = await waiting();
    await report(upload, "clean");
    await beginElsewhere(upload);
    await setVideo(upload, {
      attempts: 1,
      scan: { gate: "defender", etag: await etagOf(upload), verdict: "clean", at: now().toISOString() },
    });
    await report(upload, "malicious");
    later({ minutes: 2 });
    const { hits, end } = await run(() => deliver(upload));
    expect(end).toEqual({ value: "quarantined" });
    const opened = sitesOf("shared/videos/prepareVideo.ts").slice(-6);
    expect(hits.filter((site) => opened.includes(site))).toEqual([]);
  });

  it("takes a ready video from everybody at once, grants or not, and locks it away", async () => {
    const upload = await ready();
    const { video } = await playback(upload.container, await videoOf(upload));
    expect((await fetch(video.url)).status).toBe(200);
    const etag = await etagOf(upload);
    expect(await report(upload, "malicious")).toBe("ready_quarantined");
    expect((await fetch(video.url)).status).toBe(404);
    await expect(playback(upload.container, await videoOf(upload))).rejects.toMatchObject({ code: "not_ready" });
    expect(await analyseVideo(upload.tenant, upload.videoId)).toBe("idle");
    expect(await deliver(upload)).toBe("idle");
    expect(await sealEvidence(upload.tenant, upload.videoId)).toBe("dropped");
    expect(await tracesOf(upload)).toMatchObject({
      ...gone,
      events: ["video.uploaded", "video.ready", "video.rejected", "survey.changes_requested"],
    });
    expect(await locked(upload)).toEqual([upload.size]);
    expect(await report(upload, "malicious", etag)).toBe("scan_late");
  });

  it("is nothing of a ready video's where it was found in another version", async () => {
    const upload = await readyAtOnce();
    expect(await report(upload, "malicious", "0x8DCE730957D80DE")).toBe("scan_late");
    expect(await tracesOf(upload)).toMatchObject({ state: "ready", survey: "submitted" });
  });

  it("leaves a survey alone that is decided", async () => {
    const upload = await readyAtOnce();
    await setSurvey(upload, { state: "completed" });
    await report(upload, "malicious");
    await deliver(upload);
    expect(await tracesOf(upload)).toMatchObject({ ...gone, survey: "completed" });
  });
});

async function quarantined(): Promise<GuestUpload> {
  const upload = await waiting();
  await report(upload, "malicious");
  expect(await deliver(upload)).toBe("quarantined");
  return upload;
}

describe("malware", () => {
  it("is locked away: nothing of the video is left where a grant reaches, and the guest is asked for another", async () => {
    const upload = await waiting();
    await setSurvey(upload, { state: "submitted" });
    await report(upload, "malicious");
    expect(await deliver(upload)).toBe("quarantined");
    expect(await tracesOf(upload)).toEqual({
      ...nobodyAtWork,
      state: "quarantined",
      rejection: "malware",
      survey: "changes_requested",
      events: ["video.uploaded", "video.rejected", "survey.changes_requested"],
      counted: 0,
      manifest: false,
      blobs: {},
    });
    expect(await locked(upload)).toEqual([upload.size]);
    await expect(playback(upload.container, await videoOf(upload))).rejects.toMatchObject({ code: "not_ready" });
    await expect(retryVideo(upload.tenant, await videoOf(upload))).rejects.toMatchObject({ code: "not_failed" });
  });

  it("is deleted with its video", async () => {
    const upload = await quarantined();
    await cancel(upload);
    expect(await tracesOf(upload)).toMatchObject({ state: "deleted", counted: 0, blobs: {} });
    expect(await locked(upload)).toEqual([]);
  });

  it("is not locked away after its video was deleted", async () => {
    const upload = await quarantined();
    const { tenant, container } = upload;
    const video = await videoOf(upload);
    await setVideo(upload, { state: "deleted" });
    await putJson(container, names(upload).original, "not moved yet");
    await run(() => lockAway(tenant, container, video, "quarantined"));
    expect(await locked(upload)).toEqual([]);
  });

  it("is kept five times for each survey, and beyond that deleted", async () => {
    const first = await quarantined();
    for (let more = 2; more <= maxLocked + 1; more++) {
      const upload = await nextUpload(first, film);
      await complete(upload);
      await deliver(upload);
      await report(upload, "malicious");
      expect(await deliver(upload)).toBe("quarantined");
      expect(await tracesOf(upload)).toMatchObject({ state: "quarantined", counted: 0, blobs: {} });
    }
    expect(await locked(first)).toHaveLength(maxLocked);
  });

  it("is kept for thirty days", async () => {
    const upload = await quarantined();
    later({ days: 30, minutes: -1 });
    expect(await sweep(upload)).toEqual([]);
    later({ minutes: 2 });
    expect(await sweep(upload)).toEqual(["quarantine_ended"]);
    expect(await tracesOf(upload)).toMatchObject({ state: "deleted", blobs: {} });
    expect(await locked(upload)).toEqual([]);
  });
});

interface Scenario {
  readonly arrive: () => Promise<GuestUpload>;
  readonly step: (upload: GuestUpload) => Promise<unknown>;
  readonly left: (upload: GuestUpload) => Record<string, unknown>;
  readonly locked: number;
  /** Where the others strike enough elsewhere. */
  readonly struckIn?: readonly FaultFile[];
}

const scenarios: [name: string, scenario: Scenario][] = [
  [
    "begins to wait exactly once",
    {
      arrive: () => completedUpload(film),
      step: deliver,
      // The folder of a dead attempt goes with the next one.
      left: ({ size }) => ({ state: "processing", lease: false, blobs: { incoming: size, originals: size } }),
      locked: 0,
    },
  ],
  [
    "quarantines exactly once",
    {
      arrive: async () => {
        const upload = await waiting();
        await report(upload, "malicious");
        return upload;
      },
      step: deliver,
      left: () => ({
        ...nobodyAtWork,
        state: "quarantined",
        events: ["video.uploaded", "video.rejected"],
        counted: 0,
        manifest: false,
        blobs: {},
      }),
      locked: 1,
    },
  ],
  [
    "quarantines a ready video exactly once",
    {
      arrive: readyAtOnce,
      step: async (upload) => {
        await report(upload, "malicious");
        await deliver(upload);
      },
      left: () => ({
        ...nobodyAtWork,
        state: "quarantined",
        survey: "changes_requested",
        events: ["video.uploaded", "video.rejected", "survey.changes_requested"],
        counted: 0,
        manifest: false,
        blobs: {},
      }),
      locked: 1,
      struckIn: ["shared/videos/quarantineReady.ts"],
    },
  ],
  [
    "keeps a verdict exactly once",
    {
      arrive: async () => {
        const upload = await waiting();
        await report(upload, "failed");
        return upload;
      },
      step: (upload) => report(upload, "clean"),
      left: ({ size }) => ({ ...nobodyAtWork, state: "processing", blobs: { incoming: size, originals: size } }),
      locked: 0,
    },
  ],
];

const gateSites = new Set(gateFaultFiles.flatMap(sitesOf));

describe("a process that dies, loses an answer or is overtaken, at any await of the gate", () => {
  it.each(scenarios)("%s", { timeout: 240_000 }, async (_, { arrive, step, left, ...more }) => {
    const check = async (upload: GuestUpload, struck: string) => {
      expect(await tracesOf(upload), struck).toMatchObject(left(upload));
      if (more.locked > 0) expect(await locked(upload), struck).toHaveLength(more.locked);
    };
    const whole = await arrive();
    const { moments } = await run(() => step(whole));
    await check(whole, "nowhere");
    const sites = new Set((more.struckIn ?? gateFaultFiles).flatMap(sitesOf));
    const strikes = strikesOf(moments, ({ site }) => sites.has(site));
    expect(strikes.length).toBeGreaterThan(8);
    const lane = async () => {
      for (let strike = strikes.shift(); strike !== undefined; strike = strikes.shift()) {
        const upload = await arrive();
        const overtake = async () => {
          later({ minutes: 2 });
          await run(() => step(upload));
        };
        const fault: Fault = { ...strike, overtake };
        await run(() => step(upload), fault);
        for (let delivery = 1; ; delivery++) {
          later({ minutes: 2 });
          const again = await run(() => step(upload));
          if (again.end !== "died" && "value" in again.end) break;
          if (delivery === 8) throw new Error(`never done after ${fault.mode} ${fault.site}`, { cause: again.end });
        }
        await check(upload, `${fault.mode} ${fault.site}`);
      }
    };
    await Promise.all([lane(), lane(), lane(), lane()]);
  });

  it("leaves no await of these files untried", () => {
    const untried = [...gateSites].filter((site) => !reachedSites().has(site));
    expect(untried).toEqual([]);
  });
});
