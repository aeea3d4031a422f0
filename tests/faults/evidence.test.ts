import { beforeAll, describe, expect, it } from "vitest";
import { clip } from "../../scripts/clips.ts";
import { now } from "../../shared/clock.ts";
import { draftId, draftKind } from "../../shared/evidence/draft.ts";
import { newManifest, newSigner, signed } from "../../shared/evidence/evidenceForTests.ts";
import { findEvidence } from "../../shared/evidence/evidenceStore.ts";
import { manifestHash, sha256 } from "../../shared/evidence/manifest.ts";
import { readEvidence } from "../../shared/evidence/readEvidence.ts";
import { sealEvidence } from "../../shared/evidence/sealEvidence.ts";
import { verifyEvidence } from "../../shared/evidence/verifyEvidence.ts";
import { appendLog } from "../../shared/log/appendLog.ts";
import { deleteBlob, putJson } from "../../shared/storage/blobs.ts";
import { deleteVideo } from "../../shared/videos/deleteVideo.ts";
import { withdraw } from "../../shared/videos/manifest.ts";
import { sweepTenant } from "../../shared/videos/sweepTenant.ts";
import { type OutputBlob, blobNames, videoKind } from "../../shared/videos/video.ts";
import { backendOfFile } from "../support/backend.ts";
import { reachedSites, run } from "../support/faultHook.ts";
import { evidenceFaultFiles, sitesOf } from "../support/faultSites.ts";
import { type GuestUpload, completedUpload, later, setVideo, tracesOf } from "./guestUpload.ts";
import { strikeEverywhere } from "./strikeEverywhere.ts";

backendOfFile();

let text: string;
beforeAll(async () => {
  text = await clip("text.mp4");
});

const names = ({ guest, videoId }: GuestUpload) => blobNames(guest.surveyId, videoId);
const videoIn = ({ tenant, videoId }: GuestUpload) => tenant.repository.get(videoKind, videoId);
const seal = ({ tenant, videoId }: GuestUpload) => sealEvidence(tenant, videoId);
const sealed = ["video.uploaded", "video.ready", "video.sealed"];

/** An upload of which small files were made, as processing would have; the log tells of it. */
async function readyVideo({ told = true } = {}): Promise<GuestUpload> {
  const upload = await completedUpload(text);
  const { tenant, guest, container, videoId, size } = upload;
  const { original, video, poster, sprite } = names(upload);
  const files = { original, video, poster, sprite };
  const etags = Object.fromEntries(
    await Promise.all(Object.entries(files).map(async ([name, blob]) => [name, await putJson(container, blob, name)])),
  ) as Record<keyof typeof files, string>;
  const made = (name: keyof typeof files): OutputBlob => ({
    blob: files[name],
    size: name.length + 2,
    sha256: sha256(JSON.stringify(name)),
  });
  await deleteBlob(container, names(upload).incoming);
  await withdraw({ tenantId: tenant.tenantId, surveyId: guest.surveyId, videoId });
  await setVideo(upload, { state: "processing" });
  const tool = { version: "7.1", sha256: sha256("tool") };
  const at = now().toISOString();
  await tenant
    .change()
    .patch(videoKind, await videoIn(upload), {
      state: "ready",
      original: { ...made("original"), size },
      outputs: {
        video: made("video"),
        poster: made("poster"),
        sprite: { ...made("sprite"), cues: [] },
        method: "remux",
        durationMs: 1_000,
        width: 160,
        height: 90,
      },
    })
    .create(draftKind, draftId(videoId), {
      videoId,
      received: { size, etag: '"0x8D"', blockCount: 0, blocks: [] },
      etags,
      steps: [{ what: "stored", at }],
      tools: { ffmpeg: tool, ffprobe: tool },
      limits: { maxBytes: 1_000_000, minDurationMs: 1, maxDurationMs: 1_000, maxPixels: 1_000_000 },
    })
    .commit({
      target: videoId,
      events: [{ type: "video.ready", data: { surveyId: guest.surveyId, videoId, questionId: "room" } }],
    });
  if (told) await appendLog(tenant);
  return upload;
}

async function isDrafted({ tenant, videoId }: GuestUpload): Promise<boolean> {
  return (await tenant.repository.find(draftKind, draftId(videoId))) !== undefined;
}

const evidenceIn = (upload: GuestUpload) => findEvidence(upload.container, names(upload).evidence);

/** Events of the tenant's log. */
async function events({ tenant }: GuestUpload): Promise<string[]> {
  await appendLog(tenant);
  const { entries } = await tenant.log.read(0, 100);
  return entries.flatMap(({ type }) => type ?? []);
}

/** What sealing is to leave, once. */
async function sealingOf(upload: GuestUpload) {
  const { blobs, counted, ...traces } = await tracesOf(upload);
  const { evidence } = await videoIn(upload);
  const kept = await evidenceIn(upload);
  return {
    ...traces,
    blobs: Object.keys(blobs),
    countedBefore: counted - (blobs["evidence"] ?? 0),
    log: await events(upload),
    drafted: await isDrafted(upload),
    valid: kept !== undefined && verifyEvidence(kept).findings.length === 0,
    named: kept !== undefined && evidence?.manifestHash === manifestHash(kept.manifest),
  };
}

describe("evidence", () => {
  it("is sealed exactly once, whatever dies, gets lost or overtakes", { timeout: 240_000 }, async () => {
    const first = await readyVideo();
    await seal(first);
    const left = await sealingOf(first);
    expect(left).toMatchObject({ log: sealed, drafted: false, valid: true, named: true });
    expect(left.blobs).toContain("evidence");
    const files = evidenceFaultFiles;
    const hits = await strikeEverywhere({ arrive: readyVideo, step: seal, traces: sealingOf, left: () => left, files });
    expect(hits.length).toBeGreaterThan(15);
  });

  it("goes with a video that is deleted before, while and after it is sealed", async () => {
    const [before, whilst, after] = [await readyVideo(), await readyVideo(), await readyVideo()];
    const remove = async (upload: GuestUpload) => deleteVideo(upload.tenant, upload.container, await videoIn(upload));
    await remove(before);
    expect((await run(() => seal(before))).end).toEqual({ value: "dropped" });
    const { hits } = await run(() => seal(after));
    await remove(after);
    // The last thing that sealing itself waits for is the change, when the evidence is kept already.
    const site = hits.findLast((hit) => hit.startsWith("shared/evidence/sealEvidence.ts")) ?? "";
    const fault = { site, time: 1, mode: "overtaken", overtake: () => remove(whilst) } as const;
    expect((await run(() => seal(whilst), fault)).end).toEqual({ value: "dropped" });
    for (const upload of [before, whilst, after]) {
      expect(await tracesOf(upload)).toMatchObject({ state: "deleted", blobs: {}, counted: 0 });
      expect(await isDrafted(upload)).toBe(false);
    }
    expect(await events(after)).toEqual([...sealed, "video.deleted"]);
  });

  it("is not made of files that are not what was hashed, and is made of the same files written again", async () => {
    for (const name of ["original", "video", "poster", "sprite"] as const) {
      const [changed, again] = [await readyVideo(), await readyVideo()];
      await putJson(changed.container, names(changed)[name], "forged");
      await expect(seal(changed)).rejects.toThrow("is not what was hashed");
      await deleteBlob(changed.container, names(changed)[name]);
      await expect(seal(changed)).rejects.toThrow("is not what was hashed");
      await putJson(again.container, names(again)[name], name);
      expect((await run(() => seal(again))).end).toEqual({ value: "sealed" });
    }
  });

  it("is only what the vault has signed about this video", async () => {
    const upload = await readyVideo();
    const { tenant, guest, container, videoId } = upload;
    const { surveyId } = guest;
    const { tenantId } = tenant;
    const other = await readyVideo();
    await seal(other);
    const mine = newManifest({ tenantId, surveyId, videoId });
    const { key } = (await evidenceIn(other)) ?? {};
    const byStranger = signed(mine, newSigner());
    for (const planted of [await evidenceIn(other), { ...byStranger, kid: key?.kid, key }, { anything: 1 }]) {
      await putJson(container, names(upload).evidence, planted);
      await expect(seal(upload)).rejects.toThrow(/what is (?:kept|stored) as evidence is/u);
    }
    await deleteBlob(container, names(upload).evidence);
    expect(await seal(upload)).toBe("sealed");
    expect((await readEvidence(tenant, container, surveyId, videoId)).manifest.videoId).toBe(videoId);
    await putJson(container, names(upload).evidence, byStranger);
    await expect(readEvidence(tenant, container, surveyId, videoId)).rejects.toThrow("another one than the log names");
    await deleteBlob(container, names(upload).evidence);
    await expect(readEvidence(tenant, container, surveyId, videoId)).rejects.toThrow("missing");
  });

  it("is asked for again where it was not sealed, once in ten minutes, and not before the log tells of the video", async () => {
    const upload = await readyVideo();
    const sweep = async () => {
      const repairs: string[] = [];
      await sweepTenant(upload.tenant, (what) => repairs.push(what));
      return repairs;
    };
    expect(await sweep()).toEqual([]);
    later({ minutes: 11 });
    expect([await sweep(), await sweep()]).toEqual([["evidence_asked_for"], []]);
    expect(await seal(upload)).toBe("sealed");
    later({ minutes: 11 });
    expect(await sweep()).toEqual([]);
    await expect(seal(await readyVideo({ told: false }))).rejects.toThrow(
      "the log does not tell of the ready video yet",
    );
  });

  it("leaves no await of these files untried", () => {
    expect(evidenceFaultFiles.flatMap(sitesOf).filter((site) => !reachedSites().has(site))).toEqual([]);
  });
});
