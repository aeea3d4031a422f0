import { randomInt } from "node:crypto";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { clip } from "../../scripts/clips.ts";
import { now, setClockForTests } from "../../shared/clock.ts";
import { listByPrefix } from "../../shared/storage/blobs.ts";
import { processVideo } from "../../shared/videos/processVideo.ts";
import { sweepTenant } from "../../shared/videos/sweepTenant.ts";
import { viewUpload } from "../../shared/videos/uploadView.ts";
import { videoKind } from "../../shared/videos/video.ts";
import { videoOf, videosOf } from "../../shared/videos/videoOf.ts";
import { Random } from "../certify/random.ts";
import { backendOfFile } from "../support/backend.ts";
import { type GuestUpload, arrivedUpload, cancel, complete, countedBytes, later, nextUpload } from "./guestUpload.ts";

backendOfFile();

let text: string;
let film: string;
beforeAll(async () => {
  [text, film] = await Promise.all([clip("text.mp4"), clip("h264-silent.mp4")]);
});
afterEach(() => {
  setClockForTests();
});

describe("a renewal", () => {
  const stored = ({ tenant, videoId }: GuestUpload) => tenant.repository.get(videoKind, videoId);
  const renew = async (upload: GuestUpload) =>
    await viewUpload(
      upload.tenant,
      upload.container,
      await videoOf(upload.tenant, upload.guest.surveyId, upload.videoId),
    );

  it("is kept when the upload has gone on since, and costs no write otherwise", async () => {
    const upload = await arrivedUpload(text);
    await renew(upload);
    expect((await stored(upload)).flight).toEqual({});
    later({ seconds: 31 });
    await renew(upload);
    const kept = await stored(upload);
    expect(kept.flight).toEqual({ renewals: [{ at: now().toISOString(), receivedBytes: upload.size }] });
    later({ seconds: 3_600 });
    await renew(upload);
    expect((await stored(upload)).etag).toBe(kept.etag);
  });

  it("is given to all who ask at once, and kept once", async () => {
    const upload = await arrivedUpload(text);
    later({ seconds: 31 });
    const views = await Promise.all([renew(upload), renew(upload), renew(upload)]);
    expect(views.filter((view) => view.upload?.url !== undefined)).toHaveLength(3);
    expect((await stored(upload)).flight?.renewals).toHaveLength(1);
  });

  it("stays with the video when it arrives, and of how many blocks that was", async () => {
    const upload = await arrivedUpload(text);
    later({ seconds: 31 });
    await renew(upload);
    await complete(upload);
    const { flight } = await stored(upload);
    expect(flight).toMatchObject({ blocks: 1, renewals: [{ receivedBytes: upload.size }] });
  });
});

const seed = process.env["UPLOAD_SEED"] ?? String(randomInt(1_000_000));

it(
  `what counts for the quota is what the videos hold, through all that happens at once (UPLOAD_SEED=${seed})`,
  { timeout: 120_000 },
  async () => {
    const first = await arrivedUpload(text);
    const { tenant, guest, container } = first;
    const deliver = ({ videoId }: GuestUpload) => processVideo(tenant, guest.surveyId, videoId);
    const steps = [complete, cancel, cancel, deliver, deliver, () => sweepTenant(tenant, () => undefined)];
    const least: number[] = [];
    const lane = async (upload: GuestUpload, place: number) => {
      const random = new Random(`${seed} ${place}`);
      for (let step = 0; step < 6; step++) {
        const chosen = random.some(steps, 2);
        // Each may be refused: what the other did came first.
        await Promise.allSettled(chosen.map((act) => act(upload)));
        least.push(await countedBytes(tenant));
      }
    };
    for (let round = 0; round < 2; round++) {
      const uploads = [];
      for (let count = 0; count < 4; count++) uploads.push(await nextUpload(first, count === 0 ? film : text));
      await Promise.all(uploads.map(lane));
      for (const upload of uploads) await Promise.allSettled([cancel(upload)]);
    }
    await complete(first);
    await deliver(first);
    const last = await nextUpload(first, film);
    await complete(last);
    await deliver(last);
    const videos = await videosOf(tenant, guest.surveyId);
    const held = videos.reduce((sum, { countedBytes: each }) => sum + each, 0);
    let stored = 0;
    for await (const { size } of listByPrefix(container, "", { uncommitted: true })) stored += size;
    expect(videos.at(-1)?.state).toBe("ready");
    expect([await countedBytes(tenant), held]).toEqual([stored, stored]);
    expect(Math.min(...least)).toBeGreaterThanOrEqual(0);
  },
);
