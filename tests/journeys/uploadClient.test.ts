import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { beforeAll, expect, test, vi } from "vitest";
import { Refusal } from "../../clients/upload/exchange.ts";
import { Unreachable } from "../../clients/upload/perseverance.ts";
import { type UploadOptions, uploadVideo } from "../../clients/upload/uploadVideo.ts";
import { clip } from "../../scripts/clips.ts";
import { stackUnderTest } from "../support/stackUnderTest.ts";
import { type TestTenant, newSurvey, newTenant } from "../support/tenant.ts";
import { enlarged, processed } from "../support/upload.ts";

// Videos are processed here, which a machine that has other things to do takes its time for.
vi.setConfig({ testTimeout: 120_000 });

let tenant: TestTenant;
let film: Blob;
beforeAll(async () => {
  tenant = await newTenant();
  film = new Blob([enlarged(await readFile(await clip("h264-silent.mp4")), 10 * blockSize + 1)]);
});

const blockSize = 65_536;
const hasty = { pauseMs: 1, longestMs: 1, enoughMs: 30_000 };

async function options(more: Partial<UploadOptions> = {}): Promise<UploadOptions> {
  const { guest } = await newSurvey(tenant);
  return {
    ...{ apiUrl: stackUnderTest().apiUrl, bearer: () => guest, key: randomUUID(), patience: hasty },
    ...{ questionId: "room", contentType: "video/mp4", blockSize },
    ...more,
  };
}

/** Every block that was sent, by its id, on its way through `change`. */
function watched(change: (url: string, sent: readonly string[]) => string = (url) => url) {
  const sent: string[] = [];
  const watch: NonNullable<UploadOptions["fetch"]> = (url, init) => {
    const id = new URL(url).searchParams.get("blockid");
    if (id === null) return fetch(url, init);
    sent.push(id);
    return fetch(change(url, sent), init);
  };
  return { sent, fetch: watch };
}

const blocks = () => Math.ceil(film.size / blockSize);

test("a page that is closed and opened again goes on with the same video, and sends no block twice", async () => {
  const closing = new AbortController();
  const first = watched();
  const started: string[] = [];
  const given = await options({ onStarted: (id) => started.push(id) });
  const onProgress = (bytes: number) => {
    if (bytes > 0) closing.abort();
  };
  const closed = uploadVideo(film, { ...given, fetch: first.fetch, onProgress, signal: closing.signal });
  await expect(closed).rejects.toThrow("aborted");
  const second = watched();
  const arrived: number[] = [];
  const uploaded = await uploadVideo(film, {
    ...given,
    fetch: second.fetch,
    onProgress: (bytes) => arrived.push(bytes),
  });
  expect(started).toEqual([uploaded.videoId, uploaded.videoId]);
  expect(second.sent.length).toBeLessThan(blocks());
  expect([arrived[0], arrived.at(-1)]).toEqual([(blocks() - second.sent.length) * blockSize, film.size]);
  // Who has kept the id needs no key; nothing is left to be done.
  const again = await uploadVideo(film, { ...given, key: randomUUID(), videoId: uploaded.videoId });
  expect(again.videoId).toBe(uploaded.videoId);
  expect(await processed(await given.bearer(), uploaded.videoId)).toMatchObject({ state: "ready" });
});

test("a grant that has ended is replaced by a fresh one", async () => {
  const { sent, fetch } = watched((url, { length }) => (length === 2 ? url.replace("sig=", "sig=0") : url));
  const { journal, ...uploaded } = await uploadVideo(film, await options({ fetch }));
  expect(uploaded).toMatchObject({ state: "uploaded", blocks: blocks() });
  expect(journal).toMatchObject({ retries: 1, resumes: 1, gaps: 1 });
  expect(sent).toHaveLength(blocks() + 1);
});

test("a session that has ended is replaced by a fresh one, once", async () => {
  const { bearer, ...others } = await options();
  const refused: (string | undefined)[] = [];
  const next = (token?: string) => {
    refused.push(token);
    return token === undefined && refused.length === 1 ? "cps_over" : bearer();
  };
  expect(await uploadVideo(film, { ...others, bearer: next })).toMatchObject({ state: "uploaded" });
  expect(refused.slice(0, 2)).toEqual([undefined, "cps_over"]);
  const never = uploadVideo(film, { ...others, bearer: () => "cps_over" });
  await expect(never).rejects.toMatchObject({ name: "Refusal", status: 401 });
});

test("what is refused is told at once", async () => {
  const refused = uploadVideo(film, await options({ contentType: "image/png" }));
  await expect(refused).rejects.toThrow(Refusal);
  await expect(refused).rejects.toMatchObject({ status: 415, code: "unsupported_type" });
});

test("a network that stays away ends the waiting", async () => {
  const given = await options({ apiUrl: "http://127.0.0.1:1", patience: { ...hasty, enoughMs: 20 } });
  await expect(uploadVideo(film, given)).rejects.toThrow(Unreachable);
});
