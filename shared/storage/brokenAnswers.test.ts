import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, type Server, type Socket, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { BlobClient, BlobLeaseClient, ContainerClient, RestError } from "@azure/storage-blob";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { Random } from "../../tests/certify/random.ts";
import { newTenantContainer, startAccountForTests } from "./accountForTests.ts";
import { type BlobContainer, blobClient, containerClient } from "./accounts.ts";
import { deleteBlob, getJson, listByPrefix, putJson, statBlob } from "./blobs.ts";
import { StoragePreconditionFailed, StorageUnavailable, answerTries } from "./errors.ts";
import { openStream, rangeSource, uploadFile } from "./streams.ts";

const seed = process.env["CUT_SEED"] ?? randomBytes(4).toString("hex");
const content = randomBytes(5 * 1024 * 1024);
/** Shorter than any of the answers that are read here. */
const most = 300_000;
/** Bytes of what comes before a body, TLS included, amply. */
const longestHead = 20_000;
const patient = { timeout: 30_000 };

let local: Awaited<ReturnType<typeof startAccountForTests>>;
let line: Server;
let container: BlobContainer;
/** So many connections are yet to break. */
let breaks = 0;
/** So many are yet to fall silent behind the head of an answer. */
let silences = 0;
/** Nothing that storage says arrives any more. */
let isSilent = false;
const open = new Set<Socket>();
/** Where something arrived last. */
let latest: Socket | undefined;

beforeAll(async () => {
  local = await startAccountForTests();
  const account = new URL(process.env["DATA__blobServiceUri"] ?? "");
  line = startLine(Number(account.port), new Random(seed));
  await new Promise<void>((resolve) => line.listen(0, "127.0.0.1", resolve));
  account.port = String((line.address() as AddressInfo).port);
  vi.stubEnv("DATA__blobServiceUri", account.href);
  container = await newTenantContainer();
});
afterAll(async () => {
  line.close();
  await local.close();
});
beforeEach(() => {
  breaks = 0;
  silences = 0;
  isSilent = false;
  for (const near of open) near.destroy();
});

afterEach(() => vi.restoreAllMocks());

/** Passes connections on to that port. Those that are to break do so somewhere in the bytes on the way back. */
function startLine(port: number, random: Random): Server {
  return createServer((near) => {
    const far = connect(port, "127.0.0.1");
    open.add(near);
    const end = () => {
      open.delete(near);
      near.destroy();
      far.destroy();
    };
    let left: number | undefined;
    near.on("data", (bytes) => far.write(bytes));
    far.on("data", (bytes: Buffer) => {
      if (isSilent) return;
      latest = near;
      if (breaks + silences === 0) left = undefined;
      else left ??= random.below(most) + (silences > 0 ? longestHead : 0);
      if (left === undefined || bytes.length <= left) {
        near.write(bytes);
        if (left !== undefined) left -= bytes.length;
        return;
      }
      far.removeAllListeners("data");
      if (silences > 0) {
        silences--;
        near.write(bytes.subarray(0, left));
      } else {
        breaks--;
        near.write(bytes.subarray(0, left), end);
      }
    });
    for (const socket of [near, far]) socket.on("error", end).on("close", end);
  });
}

async function given(): Promise<{ blobName: string; size: number; etag: string }> {
  const blobName = `originals/${randomBytes(8).toString("hex")}`;
  await blobClient(container, blobName).upload(content, content.length);
  const facts = await statBlob(container, blobName);
  if (facts === undefined) throw new Error("The blob was just written.");
  return { blobName, ...facts };
}

/** Limits of time that pass when they are told to. */
function heldLimits() {
  const limits: AbortController[] = [];
  vi.spyOn(AbortSignal, "timeout").mockImplementation(() => {
    const limit = new AbortController();
    limits.push(limit);
    return limit.signal;
  });
  return { limits, passLimit: () => limits.at(-1)?.abort(new DOMException("", "TimeoutError")) };
}

describe(`an answer that breaks off somewhere in its body (CUT_SEED=${seed}):`, () => {
  test("a stream goes on where it was, as often as it takes", async () => {
    const { blobName, etag } = await given();
    breaks = Infinity;
    const read = await buffer(await openStream(container, blobName, { ifMatch: etag }));
    expect(content.equals(read)).toBe(true);
  });

  test("a stream never goes on in another version of the blob", async () => {
    const { blobName, etag } = await given();
    breaks = Infinity;
    const stream = await openStream(container, blobName, { ifMatch: etag });
    breaks = 1;
    await blobClient(container, blobName).upload(content.toReversed(), content.length);
    await expect(buffer(stream)).rejects.toThrow(StoragePreconditionFailed);
  });

  test("a stream that is aborted asks for nothing more", async () => {
    const { blobName, etag } = await given();
    const ending = new AbortController();
    const aborted = await openStream(container, blobName, { ifMatch: etag, abortSignal: ending.signal });
    ending.abort();
    await expect(buffer(aborted)).rejects.toThrow("abort");
  });

  test("a stream that is closed while it waits lets its connection go", async () => {
    const { blobName, etag } = await given();
    const closed = await openStream(container, blobName, { ifMatch: etag });
    const ended = once(latest ?? closed, "close");
    isSilent = true;
    // Reads all that has arrived, and then waits.
    closed.resume();
    await delay(300);
    closed.destroy();
    await ended;
  });

  test("a text and a range are read again", async () => {
    const blobName = "texts/long";
    const value = content.subarray(0, 1024 * 1024).toString("hex");
    const etag = await putJson(container, blobName, value);
    breaks = answerTries - 1;
    expect(await getJson(container, blobName)).toEqual({ value, etag });
    expect(breaks).toBe(0);

    const { blobName: file, ...facts } = await given();
    breaks = answerTries - 1;
    const range = await rangeSource(container, file, facts).read(1000, 3_000_000);
    expect(content.subarray(1000, 3_000_000).equals(range)).toBe(true);
    expect(breaks).toBe(0);
  });

  test("a stream of which nothing more arrives asks again, and so does one whose answer never begins", async () => {
    const { blobName, etag } = await given();
    const { limits, passLimit } = heldLimits();
    const asked = vi.spyOn(BlobClient.prototype, "download");
    const begun = () => asked.mock.settledResults.filter(({ type }) => type === "fulfilled").length;
    silences = 3;
    const stream = await openStream(container, blobName, { ifMatch: etag });
    const read = buffer(stream);
    for (const answer of [1, 2, 3]) {
      await expect.poll(() => [begun(), silences], patient).toEqual([answer, 3 - answer]);
      passLimit();
    }
    expect(content.equals(await read)).toBe(true);

    const before = limits.length;
    isSilent = true;
    const never = openStream(container, blobName, { ifMatch: etag });
    await expect.poll(() => limits.length, patient).toBe(before + 1);
    passLimit();
    await expect(never).rejects.toThrow(StorageUnavailable);
  });

  test("a file of which storage takes nothing is given up", async () => {
    const dir = await mkdtemp(join(tmpdir(), "callpilot-upload-"));
    try {
      const path = join(dir, "clip");
      await writeFile(path, Buffer.concat([content, content]));
      const { limits, passLimit } = heldLimits();
      isSilent = true;
      const never = uploadFile(container, "originals/never", path, { contentType: "video/mp4" });
      await expect.poll(() => limits.length, patient).toBe(1);
      passLimit();
      await expect(never).rejects.toThrow(StorageUnavailable);
    } finally {
      await rm(dir, { recursive: true });
    }
  });

  test("a lease of which storage never says that it is broken is given up, and broken again", async () => {
    const { blobName } = await given();
    await blobClient(container, blobName).getBlobLeaseClient().acquireLease(-1);
    const { limits } = heldLimits();
    const broken = vi.spyOn(BlobLeaseClient.prototype, "breakLease");
    broken.mockImplementationOnce((_seconds, { abortSignal } = {}) => {
      const { promise, reject } = Promise.withResolvers<never>();
      abortSignal?.addEventListener("abort", () => {
        reject(new Error("It was given up."));
      });
      return promise;
    });
    const deleted = deleteBlob(container, blobName);
    await expect.poll(() => limits.length, patient).toBe(3);
    // The first one is that of the request which the lease refused.
    limits[1]?.abort(new DOMException("", "TimeoutError"));
    await deleted;
    expect(await statBlob(container, blobName)).toBeUndefined();
  });

  test("a list is asked for again, page by page, and not for ever", async () => {
    const prefix = `listed/${randomBytes(8).toString("hex")}/`;
    const names = Array.from({ length: 7 }, (_, at) => `${prefix}${at}`);
    for (const name of names) await putJson(container, name, {});
    const list = ContainerClient.prototype.listBlobsFlat.bind(containerClient(container));
    const asked = vi.spyOn(ContainerClient.prototype, "listBlobsFlat").mockImplementation((options) => {
      const pages = list(options);
      const byPage = pages.byPage.bind(pages);
      return Object.assign(pages, { byPage: (settings = {}) => byPage({ ...settings, maxPageSize: 2 }) });
    });
    asked.mockImplementationOnce(() => {
      throw new RestError("half an answer", { code: "PARSE_ERROR" });
    });
    const found = await Array.fromAsync(listByPrefix(container, prefix));
    expect(found.map(({ name }) => name)).toEqual(names);
    expect(asked).toHaveBeenCalledTimes(5);

    const { limits, passLimit } = heldLimits();
    isSilent = true;
    const never = Array.fromAsync(listByPrefix(container, prefix));
    await expect.poll(() => limits.length, patient).toBe(1);
    passLimit();
    await expect(never).rejects.toThrow(StorageUnavailable);
  });

  test("what breaks off time and again is storage that is not available", async () => {
    const { blobName, ...facts } = await given();
    breaks = Infinity;
    await expect(getJson(container, blobName)).rejects.toThrow(StorageUnavailable);
    await expect(rangeSource(container, blobName, facts).read(0, facts.size)).rejects.toThrow(StorageUnavailable);
  });
});
