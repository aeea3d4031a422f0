import { expect, test, vi } from "vitest";
import { Refusal } from "../../clients/upload/exchange.ts";
import { Lost, Perseverance, Unreachable } from "../../clients/upload/perseverance.ts";
import { type UploadOptions, uploadVideo } from "../../clients/upload/uploadVideo.ts";

const file = new Blob([new Uint8Array(100)]);
const target = { url: "https://storage.example/incoming?sig=1", blockSize: 64 };
const started = { id: "vid_1", state: "awaiting_upload", upload: target, received: [] };
const done = { id: "vid_1", state: "uploaded" };

/** What a server answers to each request, in turn; the last one for ever. */
function sending(...answers: Response[]) {
  return sendingFor(30_000, ...answers);
}

function sendingFor(enoughMs: number, ...answers: Response[]) {
  const asked: string[] = [];
  let bearers = 0;
  const options: UploadOptions = {
    apiUrl: "https://api.example",
    bearer: () => `bearer ${++bearers}`,
    ...{ questionId: "room", contentType: "video/mp4", key: "one" },
    patience: { pauseMs: 1, longestMs: 1, enoughMs },
    fetch: (url, { method, redirect }) => {
      asked.push(`${method ?? ""} ${new URL(url).pathname}`);
      const answer = (answers.length > 1 ? answers.shift() : answers[0])?.clone();
      return answer === undefined || redirect !== "error" ? Promise.reject(new TypeError()) : Promise.resolve(answer);
    },
  };
  return { asked, upload: () => uploadVideo(file, options) };
}

const json = (value: unknown, status = 200) => Response.json(value, { status });

test.each([
  ["the page of a network that wants a login", new Response("<html>", { headers: { "content-type": "text/html" } })],
  ["nothing", json(null)],
  ["a list", json([])],
  ["no id", json({ state: "ready" })],
  ["no address", json({ ...started, upload: { blockSize: 64 } })],
  ["an address that is none", json({ ...started, upload: { ...target, url: "nowhere" } })],
  ["no target", json({ ...started, upload: null })],
  ["blocks of nothing", json({ ...started, upload: { ...target, blockSize: 0 } })],
  ["blocks of less than nothing", json({ ...started, upload: { ...target, blockSize: -1 } })],
  ["more blocks than there can be", json({ ...started, upload: { ...target, blockSize: 0.001 } })],
  ["what has arrived as a word", json({ ...started, received: "all" })],
])("an answer of %s is no upload that has ended, and is given up in time", async (_, answer) => {
  await expect(sendingFor(20, answer).upload()).rejects.toBeInstanceOf(Unreachable);
});

test("such an answer in between is passed over", async () => {
  const page = new Response("<html>", { headers: { "content-type": "text/html" } });
  const { asked, upload } = sending(
    page,
    json(started),
    new Response(null, { status: 201 }),
    new Response(null, { status: 201 }),
    page,
    json(done),
  );
  expect(await upload()).toMatchObject({ videoId: "vid_1", state: "uploaded", blocks: 2 });
  expect(asked).toHaveLength(6);
});

test("a refusal without a problem is one", async () => {
  await expect(sending(json(null, 400)).upload()).rejects.toMatchObject({ status: 400, code: "no_problem" });
});

test("a server that refuses every new session is asked twice and no more", async () => {
  const { asked, upload } = sending(json({ code: "unauthenticated" }, 401));
  await expect(upload()).rejects.toBeInstanceOf(Refusal);
  expect(asked).toHaveLength(2);
});

test("a storage that loses all that it takes is not sent the file for ever", async () => {
  const missing = json({ code: "missing_blocks", missing: [] }, 409);
  const round = [json(started), json({}, 201), json({}, 201), missing];
  const { asked, upload } = sending(...Array.from({ length: 9 }, () => round).flat());
  await expect(upload()).rejects.toMatchObject({ code: "missing_blocks" });
  expect(asked).toHaveLength(5 * round.length);
});

test("who asks to be left alone for years is asked again once it has been enough", async () => {
  vi.useFakeTimers();
  try {
    const patience = new Perseverance({ pauseMs: 1, longestMs: 1, enoughMs: 60_000 });
    let isOver = false;
    const waiting = patience.failed(new Lost("busy", { pauseMs: 1e12 })).then(() => (isOver = true));
    await vi.advanceTimersByTimeAsync(59_000);
    expect(isOver).toBe(false);
    await vi.advanceTimersByTimeAsync(2_000);
    await waiting;
    expect(isOver).toBe(true);
  } finally {
    vi.useRealTimers();
  }
});
