import { readFile } from "node:fs/promises";
import { beforeAll, expect, test } from "vitest";
import { clip } from "../../scripts/clips.ts";
import { type TestTenant, api, expectApi, newSurvey, newTenant } from "../support/tenant.ts";
import { type Upload, putBlob, putBlock, processed, refusal, start } from "../support/upload.ts";

let tenant: TestTenant;
beforeAll(async () => {
  tenant = await newTenant();
});

const film = new Uint8Array(Buffer.from("0123456789"));
const newGuest = async () => (await newSurvey(tenant)).guest;

/** What storage says to a request that the grant is abused for. */
async function put(url: string, headers: Record<string, string>): Promise<number> {
  return (await fetch(url, { method: "PUT", headers })).status;
}

async function leaseForEver(url: string): Promise<void> {
  const headers = { "x-ms-lease-action": "acquire", "x-ms-lease-duration": "-1" };
  expect(await put(`${url}&comp=lease`, headers)).toBe(201);
}

test("a device that leases its upload for ever does not keep it from being deleted", async () => {
  const guest = await newGuest();
  const { id, upload } = await start(guest, film.length);
  await putBlob(upload.url, film);
  await leaseForEver(upload.url);
  await expectApi(`DELETE /v1/guest/videos/${id}`, 204, { token: guest });
  // A leased blob would refuse this.
  await putBlob(upload.url, film);
});

test("a device that leases its upload for ever does not keep it from being completed", async () => {
  const guest = await newGuest();
  const { id, upload } = await start(guest, film.length);
  await putBlob(upload.url, film.slice(1));
  await putBlock(upload.url, 0, film);
  await leaseForEver(upload.url);
  const body = { size: film.length };
  await expectApi(`POST /v1/guest/videos/${id}/complete`, 202, { token: guest, body });
});

test.each([
  ["a page blob of the size of nothing", { "x-ms-blob-type": "PageBlob", "x-ms-blob-content-length": "0" }, 200],
  ["a page blob of a terabyte", { "x-ms-blob-type": "PageBlob", "x-ms-blob-content-length": "1099511627776" }, 413],
  ["an append blob", { "x-ms-blob-type": "AppendBlob" }, 200],
])("a device that makes %s of its upload is refused like any other wrong file", async (_, headers, renewed) => {
  const guest = await newGuest();
  const { id, upload } = await start(guest, film.length);
  expect(await put(upload.url, headers)).toBe(201);
  const { body } = await expectApi<Upload>(`GET /v1/guest/videos/${id}`, renewed, { token: guest });
  if (renewed === 200) expect(body).toMatchObject({ received: [], receivedBytes: 0 });
  const complete = `POST /v1/guest/videos/${id}/complete`;
  expect(await refusal(complete, guest, { size: film.length })).toMatchObject({ code: "size_mismatch" });
  await expectApi(`DELETE /v1/guest/videos/${id}`, 204, { token: guest });
});

test("a device that keeps what it overwrites as snapshots has no more room by that", async () => {
  const guest = await newGuest();
  const { id, upload } = await start(guest, film.length);
  await putBlob(upload.url, film);
  expect(await put(`${upload.url}&comp=snapshot`, {})).toBe(201);
  await putBlob(upload.url, film);
  expect(await refusal(`GET /v1/guest/videos/${id}`, guest)).toMatchObject({ code: "too_large" });
  await expectApi(`DELETE /v1/guest/videos/${id}`, 204, { token: guest });
});

test("a video that is cancelled several times at once is gone for all of them", async () => {
  const guest = await newGuest();
  const { id, upload } = await start(guest, film.length);
  await putBlob(upload.url, film);
  await expectApi(`POST /v1/guest/videos/${id}/complete`, 202, { token: guest, body: { size: film.length } });
  expect(await processed(guest, id)).toMatchObject({ state: "rejected" });
  const answers = await Promise.all(
    Array.from({ length: 4 }, () => api(`DELETE /v1/guest/videos/${id}`, { token: guest })),
  );
  expect(answers.map(({ status }) => status)).toEqual([204, 204, 204, 204]);
});

test("what a device writes after it completed an upload is not taken for what it handed in", async () => {
  const guest = await newGuest();
  const recording = new Uint8Array(await readFile(await clip("h264-silent.mp4")));
  const { id, upload } = await start(guest, recording.length);
  await putBlob(upload.url, recording);
  const body = { size: recording.length };
  await expectApi(`POST /v1/guest/videos/${id}/complete`, 202, { token: guest, body });
  await putBlob(upload.url, new Uint8Array(recording.length));
  // Processing may have been quicker, and then has a copy of its own; the other file is never what it looks at.
  const video = await processed(guest, id);
  if (video.state === "rejected") expect(video.rejection).toMatchObject({ code: "checksum_mismatch" });
  else expect(video.state).toBe("ready");
});
