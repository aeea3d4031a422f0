import { afterEach, beforeAll, expect, it } from "vitest";
import { clip } from "../../scripts/clips.ts";
import { setClockForTests } from "../../shared/clock.ts";
import { queueAccount } from "../../shared/storage/accounts.ts";
import { deleteBlob, listByPrefix, putJson } from "../../shared/storage/blobs.ts";
import { blockId } from "../../shared/videos/blocks.ts";
import { announce, withdraw } from "../../shared/videos/manifest.ts";
import { processVideo } from "../../shared/videos/processVideo.ts";
import { type Repair, sweepTenant } from "../../shared/videos/sweepTenant.ts";
import { viewUpload } from "../../shared/videos/uploadView.ts";
import { blobNames, videoKind } from "../../shared/videos/video.ts";
import { analysis } from "../../shared/videos/workLease.ts";
import { backendOfFile } from "../support/backend.ts";
import {
  type GuestUpload,
  arrivedUpload,
  cancel,
  completedUpload,
  later,
  nextUpload,
  setLease,
  setVideo,
  tracesOf,
} from "./guestUpload.ts";

backendOfFile();

let text: string;
beforeAll(async () => {
  text = await clip("text.mp4");
});
afterEach(() => {
  setClockForTests();
});

async function sweep({ tenant }: GuestUpload): Promise<Repair[]> {
  const repairs: Repair[] = [];
  await sweepTenant(tenant, (what) => repairs.push(what));
  return repairs;
}

const placeOf = ({ tenant, guest, videoId }: GuestUpload) => ({
  tenantId: tenant.tenantId,
  surveyId: guest.surveyId,
  videoId,
});
const videoIn = ({ tenant, videoId }: GuestUpload) => tenant.repository.get(videoKind, videoId);
const incoming = ({ guest, videoId }: GuestUpload) => blobNames(guest.surveyId, videoId).incoming;

it("leaves alone what is on its way", async () => {
  const [arrived, uploaded] = [await arrivedUpload(text), await completedUpload(text)];
  expect([await sweep(arrived), await sweep(uploaded)]).toEqual([[], []]);
  expect(await tracesOf(arrived)).toMatchObject({ state: "awaiting_upload", counted: arrived.size });
});

it("is not held up by a video that cannot be repaired, and says so in the end", async () => {
  const first = await arrivedUpload(text);
  const second = await nextUpload(first, text);
  later({ days: 6, minutes: 1 });
  const repairs: string[] = [];
  const sweeping = () => sweepTenant(first.tenant, (what, id) => repairs.push(`${what} ${id}`));
  const refusal = { status: 403, operation: "document.batch", times: 1 };
  await fetch(`${process.env["COSMOS__accountEndpoint"] ?? ""}/_local/faults`, {
    method: "POST",
    body: JSON.stringify(refusal),
  });
  await expect(sweeping()).rejects.toMatchObject({ name: "AggregateError", errors: [expect.any(Error)] });
  expect(repairs).toEqual([`upload_expired ${second.videoId}`]);
  await sweeping();
  expect(repairs).toEqual([second, first].map(({ videoId }) => `upload_expired ${videoId}`));
});

it("ends an upload whose session is over: nothing is stored, nothing is counted", async () => {
  const upload = await arrivedUpload(text);
  later({ days: 6, minutes: 1 });
  expect(await sweep(upload)).toEqual(["upload_expired"]);
  expect(await tracesOf(upload)).toEqual(expect.objectContaining({ state: "upload_expired", counted: 0, blobs: {} }));
  expect(await sweep(upload)).toEqual([]);
});

it("announces an upload whose manifest was never written", async () => {
  const upload = await completedUpload(text);
  await withdraw(placeOf(upload));
  later({ minutes: 2 });
  expect(await sweep(upload)).toEqual(["announced"]);
  expect(await tracesOf(upload)).toMatchObject({ state: "uploaded", manifest: true });
});

it("announces again what nobody began, and what somebody began and left", async () => {
  const [forgotten, left, alive] = [
    await completedUpload(text),
    await completedUpload(text),
    await completedUpload(text),
  ];
  for (const upload of [left, alive]) await setVideo(upload, { state: "processing", attempts: 1 });
  await setLease(left, -1);
  await setLease(alive, 3_600_000);
  later({ minutes: 11 });
  expect([await sweep(forgotten), await sweep(left), await sweep(alive)]).toEqual([
    ["announced_again"],
    ["announced_again"],
    [],
  ]);
});

it("asks again for an analysis that nobody began, and for one that somebody began and left", async () => {
  const [fresh, forgotten, left, alive] = [
    await completedUpload(text),
    await completedUpload(text),
    await completedUpload(text),
    await completedUpload(text),
  ] as const;
  for (const upload of [fresh, forgotten, left, alive]) {
    await withdraw(placeOf(upload));
    await deleteBlob(upload.container, incoming(upload));
    await setVideo(upload, { state: "ready", analysisState: "waiting", analysisAttempts: 0 });
  }
  await setLease(left, -1, analysis);
  await setLease(alive, 3_600_000, analysis);
  expect(await sweep(fresh)).toEqual([]);
  later({ minutes: 11 });
  expect([await sweep(forgotten), await sweep(left), await sweep(alive)]).toEqual([
    ["analysis_asked_again"],
    ["analysis_asked_again"],
    [],
  ]);
  const queue = queueAccount().getQueueClient("analyse-video");
  const { peekedMessageItems } = await queue.peekMessages({ numberOfMessages: 32 });
  const asked = peekedMessageItems.map(
    ({ messageText }) => (JSON.parse(Buffer.from(messageText, "base64").toString()) as { videoId: string }).videoId,
  );
  expect(new Set(asked)).toEqual(new Set([forgotten.videoId, left.videoId]));
});

it("finishes a deletion", async () => {
  const upload = await completedUpload(text);
  const nowhere = { totalMs: 0, longest: [] };
  await setVideo(upload, {
    ...{ state: "deleting", analysisState: "done" },
    analysis: { waveform: "AA==", silent: nowhere, black: nowhere, frozen: nowhere },
  });
  await withdraw(placeOf(upload));
  expect(await sweep(upload)).toEqual(["deletion_finished"]);
  expect(await tracesOf(upload)).toEqual(
    expect.objectContaining({
      state: "deleted",
      counted: 0,
      blobs: {},
      events: ["video.uploaded", "video.deleted"],
    }),
  );
  expect(await upload.tenant.repository.get(videoKind, upload.videoId)).not.toHaveProperty("analysis");
});

it("removes what is sent after the end under a grant that outlives it, and a manifest that is left", async () => {
  const upload = await completedUpload(text);
  const { tenant, guest, videoId, container } = upload;
  await processVideo(tenant, guest.surveyId, videoId);
  await putJson(container, incoming(upload), "late");
  await announce(placeOf(upload));
  expect(await sweep(upload)).toEqual(["manifest_withdrawn"]);
  await putJson(container, incoming(upload), "later");
  expect(await sweep(upload)).toEqual(["upload_discarded"]);
  expect(await tracesOf(upload)).toEqual(expect.objectContaining({ state: "rejected", blobs: {}, manifest: false }));
});

it("ends a session that is over, whichever upload changed last", async () => {
  const first = await arrivedUpload(text);
  const second = await nextUpload(first, text);
  const { upload } = await videoIn(second);
  await setVideo(second, { upload: { ...upload, expiresAt: "2999-01-01T00:00:00.000Z" } });
  await setVideo(first, { attempts: 0 });
  later({ days: 6, minutes: 1 });
  expect(await sweep(first)).toEqual(["upload_expired"]);
  expect([(await tracesOf(first)).state, (await tracesOf(second)).state]).toEqual([
    "upload_expired",
    "awaiting_upload",
  ]);
});

it("discards blocks that are staged after the end", async () => {
  const upload = await arrivedUpload(text);
  const { url } = (await viewUpload(upload.tenant, upload.container, await videoIn(upload))).upload ?? {};
  await cancel(upload);
  const target = `${url ?? ""}&comp=block&blockid=${encodeURIComponent(blockId(0))}`;
  expect((await fetch(target, { method: "PUT", body: "late" })).status).toBe(201);
  expect((await tracesOf(upload)).blobs).toEqual({ incoming: 0 });
  expect(await sweep(upload)).toEqual(["upload_discarded"]);
  expect(await tracesOf(upload)).toMatchObject({ state: "upload_cancelled", blobs: {}, counted: 0 });
});

it("discards the blocks of a video whose document is gone, unless it may only be too new to be seen", async () => {
  const upload = await arrivedUpload(text);
  await upload.tenant
    .change()
    .remove(await videoIn(upload))
    .record();
  expect(await sweep(upload)).toEqual([]);
  later({ minutes: 61 });
  expect(await sweep(upload)).toEqual(["upload_discarded"]);
  const left = [];
  for await (const { name } of listByPrefix(upload.container, "", { uncommitted: true })) left.push(name);
  expect(left).toEqual([]);
});

it("discards what is more than was declared", async () => {
  const upload = await arrivedUpload(text);
  await putJson(upload.container, incoming(upload), "x".repeat(upload.size));
  expect(await sweep(upload)).toEqual(["upload_discarded"]);
  expect(await tracesOf(upload)).toEqual(expect.objectContaining({ state: "awaiting_upload", blobs: {} }));
});
