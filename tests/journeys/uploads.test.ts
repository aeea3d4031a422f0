import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { ulid } from "ulid";
import { beforeAll, expect, test, vi } from "vitest";
import { clip } from "../../scripts/clips.ts";
import { blockId } from "../../shared/videos/blocks.ts";
import type { VideoDetails } from "../../shared/videos/flightView.ts";
import { type TestTenant, api, expectApi, newSurvey, newTenant, openSession } from "../support/tenant.ts";
import { type Upload, processed, putBlob, putBlock, refusal, send, start } from "../support/upload.ts";

// Videos are processed here, which a machine that has other things to do takes its time for.
vi.setConfig({ testTimeout: 120_000 });

let tenant: TestTenant;
let film: Uint8Array<ArrayBuffer>;
beforeAll(async () => {
  tenant = await newTenant();
  film = new Uint8Array(await readFile(await clip("h264-index-first.mp4")));
});

const newGuest = async () => (await newSurvey(tenant)).guest;
const completion = (size: number, blocks?: readonly string[]) => ({ size, ...(blocks !== undefined && { blocks }) });

test("a device sends a video in blocks, loses its connection and goes on where it was", async () => {
  const guest = await newGuest();
  const size = 4 * 2 ** 20 + film.length;
  const large = new Uint8Array(size);
  large.set(film);
  const started = await start(guest, size);
  expect(started).toMatchObject({ state: "awaiting_upload", received: [], upload: { blockSize: 4 * 2 ** 20 } });
  const grantMinutes = (Date.parse(started.upload.expiresAt) - Date.now()) / 60_000;
  expect(grantMinutes).toBeGreaterThan(55);
  expect(grantMinutes).toBeLessThanOrEqual(60);
  expect(Date.parse(started.upload.sessionExpiresAt) - Date.now()).toBeGreaterThan(5.9 * 86_400_000);
  await putBlock(started.upload.url, 1, large.slice(4 * 2 ** 20));
  const early = await refusal(`POST /v1/guest/videos/${started.id}/complete`, guest, completion(size));
  expect(early).toMatchObject({ status: 409, code: "missing_blocks", missing: [blockId(0)] });

  const { body: resumed } = await expectApi<Required<Upload>>(`GET /v1/guest/videos/${started.id}`, 200, {
    token: guest,
  });
  expect(resumed).toMatchObject({ state: "uploading", received: [{ id: blockId(1), size: film.length }] });
  await putBlock(resumed.upload.url, 0, large.slice(0, 4 * 2 ** 20));
  const done = await expectApi<Upload>(`POST /v1/guest/videos/${started.id}/complete`, 202, {
    token: guest,
    body: completion(size),
  });
  expect(done.body.state).toBe("uploaded");
  expect(done.headers.get("location")).toMatch(new RegExp(`/v1/guest/videos/${started.id}$`, "u"));
  expect(await processed(guest, started.id)).toMatchObject({ state: "ready" });
  const again = await expectApi<Upload>(`POST /v1/guest/videos/${started.id}/complete`, 202, {
    token: guest,
    body: completion(size),
  });
  expect(again.body.state).toBe("ready");
});

test("members read in plain words how a video came to them", async () => {
  const { guest, surveyId } = await newSurvey(tenant);
  const { id, upload } = await start(guest, film.length, {
    contentType: 'video/mp4;codecs="avc1.42E01E,mp4a.40.2"',
    blockSize: 65_536,
    device: { userAgent: "Mozilla/5.0 (Android 15; Mobile; rv:133.0) Gecko/133.0 Firefox/133.0", systemVersion: "15" },
  });
  expect(upload.blockSize).toBe(65_536);
  const asked = `GET /v1/surveys/${surveyId}/videos/${id}`;
  const before = await expectApi<VideoDetails>(asked, 200, { token: tenant.owner.token });
  expect(before.body.flight.summary.at(-1)).toBe("The upload has not arrived yet.");
  await putBlob(upload.url, film);
  const { body: arrived } = await expectApi<Upload>(`GET /v1/guest/videos/${id}`, 200, { token: guest });
  expect(arrived).toMatchObject({ state: "uploading", received: [], receivedBytes: film.length });
  const journal = { retries: 2, resumes: 1, gaps: 1, gapMs: 90_000 };
  const complete = `POST /v1/guest/videos/${id}/complete`;
  await expectApi(complete, 202, { token: guest, body: { size: film.length, journal } });
  const { body } = await expectApi<VideoDetails>(asked, 200, { token: tenant.owner.token });
  expect(body.flight).toMatchObject({
    device: { client: "firefox", clientVersion: "133", system: "android", systemVersion: "15", kind: "phone" },
    codecs: ["h264", "aac"],
    renewals: [],
    journal,
  });
  expect(body.flight).not.toHaveProperty("device.userAgent");
  expect(body.flight.summary.slice(0, 2)).toEqual([
    "Recorded with Firefox on Android.",
    "The recorder calls it H.264 and AAC.",
  ]);
  expect(body.flight.summary).toContain("For 1 min 30 s nothing got through.");
  const { body: own } = await expectApi<{ videos: object[] }>("GET /v1/guest/survey", 200, { token: guest });
  expect(own.videos[0]).not.toHaveProperty("flight");
});

test("the grant writes this one blob and does nothing else", async () => {
  const guest = await newGuest();
  const { upload } = await start(guest, film.length);
  await putBlob(upload.url, film);
  const url = new URL(upload.url);
  expect((await fetch(url)).status).toBe(403);
  expect((await fetch(url, { method: "DELETE" })).status).toBe(403);
  const sibling = new URL(url);
  sibling.pathname = [...url.pathname.split("/").slice(0, -1), `vid_${ulid()}`].join("/");
  expect((await fetch(sibling, { method: "PUT", body: film, headers: { "x-ms-blob-type": "BlockBlob" } })).status).toBe(
    403,
  );
  const list = new URL(url);
  list.pathname = url.pathname.split("/").slice(0, -3).join("/");
  list.searchParams.set("restype", "container");
  list.searchParams.set("comp", "list");
  expect((await fetch(list)).status).toBe(403);
});

test("a start is refused for what cannot become an answer", async () => {
  const guest = await newGuest();
  const asked = async (more: object) =>
    await refusal("POST /v1/guest/videos", guest, { questionId: "room", size: 1, contentType: "video/mp4", ...more });
  expect(await asked({ questionId: "nothing" })).toMatchObject({ status: 404, code: "not_found" });
  expect(await asked({ questionId: "name" })).toMatchObject({ status: 422, code: "invalid_answer" });
  expect(await asked({ size: 2 ** 32 + 1 })).toMatchObject({ status: 413, code: "too_large" });
  expect(await asked({ contentType: "image/png" })).toMatchObject({ status: 415, code: "unsupported_type" });
  expect(await asked({ contentType: 'Video/WebM; codecs="vp9,opus"' })).toMatchObject({ status: 201 });
  expect(await asked({ size: 0 })).toMatchObject({ status: 400, code: "invalid_request" });
  const { guest: silent } = await newSurvey(tenant, { consent: false });
  const body = { questionId: "room", size: 1, contentType: "video/mp4" };
  expect(await refusal("POST /v1/guest/videos", silent, body)).toMatchObject({ status: 403, code: "consent_required" });
});

test("a start that is repeated with its key is the same video under a fresh grant", async () => {
  const guest = await newGuest();
  const options = {
    token: guest,
    headers: { "idempotency-key": ulid() },
    body: { questionId: "room", size: film.length, contentType: "video/mp4" },
  };
  const first = await expectApi<Upload>("POST /v1/guest/videos", 201, options);
  const repeated = await expectApi<Upload>("POST /v1/guest/videos", 201, options);
  expect(repeated.body.id).toBe(first.body.id);
  expect(repeated.body.upload?.url).toContain(first.body.id);
  expect(repeated.headers.get("idempotent-replayed")).toBe("true");
});

test("two videos that are started at once are both counted", async () => {
  const guest = await newGuest();
  const both = await Promise.all([start(guest, 1), start(guest, 1, { questionId: "extra" })]);
  expect(new Set(both.map(({ id }) => id)).size).toBe(2);
});

test("what arrived has to be what was declared", async () => {
  const guest = await newGuest();
  const { id, upload } = await start(guest, film.length);
  const complete = `POST /v1/guest/videos/${id}/complete`;
  expect(await refusal(complete, guest, completion(film.length))).toMatchObject({ code: "missing_blocks" });
  expect(await refusal(complete, guest, completion(7))).toMatchObject({ status: 422, code: "size_mismatch" });
  await putBlock(upload.url, 0, film.slice(1));
  expect(await refusal(complete, guest, completion(film.length))).toMatchObject({ status: 422, code: "size_mismatch" });
  const { body } = await expectApi<Upload>(`GET /v1/guest/videos/${id}`, 200, { token: guest });
  expect(body.received).toEqual([]);
  await putBlob(upload.url, film.slice(1));
  expect(await refusal(complete, guest, completion(film.length))).toMatchObject({ code: "size_mismatch" });
  await putBlob(upload.url, film);
  await expectApi(complete, 202, { token: guest, body: completion(film.length) });
});

test("a grant is not renewed for who sends more than was declared", async () => {
  const guest = await newGuest();
  const { id, upload } = await start(guest, 10);
  await putBlock(upload.url, 0, film);
  expect(await refusal(`GET /v1/guest/videos/${id}`, guest)).toMatchObject({ status: 413, code: "too_large" });
  await expectApi(`DELETE /v1/guest/videos/${id}`, 204, { token: guest });
});

test("a file that is no video is refused with a remedy, and the survey goes on", async () => {
  const { guest, surveyId, link } = await newSurvey(tenant);
  const id = await send(guest, await clip("text.mp4"));
  await expectApi("PUT /v1/guest/answers/name", 200, { token: guest, body: { value: "Gerda" } });
  const rejected = await processed(guest, id);
  expect(rejected).toMatchObject({ state: "rejected", rejection: { code: "unsupported_format" } });
  expect(rejected.rejection?.remedy).toMatch(/record/iu);
  expect(await refusal("POST /v1/guest/submit", guest)).toMatchObject({ code: "missing_required" });
  expect(await processed(guest, await send(guest, await clip("h264-silent.mp4")))).toMatchObject({ state: "ready" });
  await expectApi("POST /v1/guest/submit", 200, { token: guest });
  expect(await refusal(`DELETE /v1/guest/videos/${id}`, guest)).toMatchObject({ status: 409, code: "submitted" });
  const { body } = await expectApi<{ state: string }>(`GET /v1/surveys/${surveyId}`, 200, {
    token: tenant.owner.token,
  });
  expect(body.state).toBe("submitted");
  expect(await openSession(link)).toBeTruthy();
});

test("a video that changed on its way is refused, and reopens a survey that was submitted with it", async () => {
  const { guest, surveyId, link } = await newSurvey(tenant);
  await expectApi("PUT /v1/guest/answers/name", 200, { token: guest, body: { value: "Gerda" } });
  const { id, upload } = await start(guest, film.length, {
    sha256: createHash("sha256").update("other").digest("hex"),
  });
  await putBlob(upload.url, film);
  const body = completion(film.length);
  await expectApi(`POST /v1/guest/videos/${id}/complete`, 202, { token: guest, body });
  const submitted = await api("POST /v1/guest/submit", { token: guest });
  expect(await processed(guest, id)).toMatchObject({ state: "rejected", rejection: { code: "checksum_mismatch" } });
  const survey = await expectApi<{ state: string; changes?: { questionIds: string[] } }>(
    `GET /v1/surveys/${surveyId}`,
    200,
    { token: tenant.owner.token },
  );
  // Whichever came first, the tenant is never left with a submitted survey that lacks its video.
  const expected =
    submitted.status === 200
      ? { state: "changes_requested", changes: { questionIds: ["room"] } }
      : { state: "in_progress" };
  expect(survey.body).toMatchObject(expected);
  const reopened = await openSession(link);
  const better = await send(reopened, await clip("h264-silent.mp4"));
  expect(await processed(reopened, better)).toMatchObject({ state: "ready" });
  await expectApi("POST /v1/guest/submit", 200, { token: reopened });
});

test("a video is taken back at any time before the survey is submitted", async () => {
  const guest = await newGuest();
  const waiting = await start(guest, film.length);
  await putBlock(waiting.upload.url, 0, film.slice(0, 100));
  const ready = await send(guest, await clip("h264-silent.mp4"));
  await processed(guest, ready);
  for (const id of [waiting.id, ready]) {
    await expectApi(`DELETE /v1/guest/videos/${id}`, 204, { token: guest });
    await expectApi(`DELETE /v1/guest/videos/${id}`, 204, { token: guest });
    const body = completion(film.length);
    const after = await refusal(`POST /v1/guest/videos/${id}/complete`, guest, body);
    expect(after).toMatchObject({ status: 409, code: "invalid_transition" });
  }
});

test("the quota counts what is reserved, and what is given back", async () => {
  const small = await newTenant("trial");
  const largest = 2 ** 32;
  // A survey has at most five uploads that have not arrived.
  const { guest } = await newSurvey(small);
  const guests = [guest, (await newSurvey(small)).guest, (await newSurvey(small)).guest];
  const started: string[] = [];
  for (let count = 0; count < 4; count++) for (const each of guests) started.push((await start(each, largest)).id);
  const body = { questionId: "room", size: largest, contentType: "video/mp4" };
  expect(await refusal("POST /v1/guest/videos", guest, body)).toMatchObject({ status: 409, code: "quota_exceeded" });
  await expectApi(`DELETE /v1/guest/videos/${started[0] ?? ""}`, 204, { token: guest });
  await start(guest, largest);
});

test("another guest's video does not exist", async () => {
  const mine = await start(await newGuest(), 10);
  const other = await newGuest();
  const unknown = await api(`GET /v1/guest/videos/vid_${ulid()}`, { token: other });
  const foreign = await api(`GET /v1/guest/videos/${mine.id}`, { token: other });
  expect([foreign.status, foreign.text.replace(/"requestId":"[^"]+"/u, "")]).toEqual([
    404,
    unknown.text.replace(/"requestId":"[^"]+"/u, ""),
  ]);
  for (const operation of [`DELETE /v1/guest/videos/${mine.id}`, `POST /v1/guest/videos/${mine.id}/complete`])
    expect(await refusal(operation, other, operation.startsWith("POST") ? completion(10) : undefined)).toMatchObject({
      status: 404,
    });
});

test("block ids are the device's own, of one byte to 64", async () => {
  const { guest } = await newSurvey(tenant);
  for (const bytes of [1, 2, 64]) {
    const { id, upload } = await start(guest, 4);
    const blocks = ["a", "b"].map((letter) => Buffer.from(letter.repeat(bytes)).toString("base64"));
    for (const block of blocks) {
      const target = `${upload.url}&comp=block&blockid=${encodeURIComponent(block)}`;
      expect((await fetch(target, { method: "PUT", body: new Uint8Array(2) })).status).toBe(201);
    }
    const { body } = await expectApi<Upload>(`GET /v1/guest/videos/${id}`, 200, { token: guest });
    expect(body.received?.map((block) => block.id).sort()).toEqual(blocks);
    await expectApi(`POST /v1/guest/videos/${id}/complete`, 202, { token: guest, body: { size: 4, blocks } });
  }
});
