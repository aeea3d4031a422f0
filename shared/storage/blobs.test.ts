import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { BlobClient, BlockBlobClient, RestError } from "@azure/storage-blob";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { newTenantContainer, startAccountForTests } from "./accountForTests.ts";
import { type BlobContainer, blobClient, containerClient } from "./accounts.ts";
import { type ListedBlob, deleteBlob, getJson, listByPrefix, putJson, statBlob } from "./blobs.ts";
import { createTenantContainer } from "./containers.ts";
import { copyBlob } from "./copyBlob.ts";
import { StorageFailure, StorageNotFound, StoragePreconditionFailed } from "./errors.ts";
import { commitBlocks, discardStaged, arrivedAt } from "./stagedBlocks.ts";
import { openStream, rangeSource, uploadFile } from "./streams.ts";

let local: Awaited<ReturnType<typeof startAccountForTests>>;
let container: BlobContainer;
let count = 0;

beforeAll(async () => {
  local = await startAccountForTests();
  container = await newTenantContainer();
});
afterAll(() => local.close());

const underWay = new RestError("There is currently a pending copy operation.", {
  code: "PendingCopyOperation",
  statusCode: 409,
});
const newName = () => `incoming/svy_1/vid_${++count}`;
const id = (index: number) => btoa(String(index).padStart(6, "0"));

async function stage(blobName: string, ...blocks: string[]): Promise<void> {
  for (const [index, body] of blocks.entries())
    await blobClient(container, blobName).stageBlock(id(index), body, body.length);
}

async function listed(prefix: string, include?: Parameters<typeof listByPrefix>[2]): Promise<ListedBlob[]> {
  return Array.fromAsync(listByPrefix(container, prefix, include));
}

async function given(content: string | Buffer): Promise<{ blobName: string; size: number; etag: string }> {
  const blobName = newName();
  await blobClient(container, blobName).upload(content, content.length);
  const facts = await statBlob(container, blobName);
  if (facts === undefined) throw new Error("The blob was just written.");
  return { blobName, ...facts };
}

test("a tenant's container is made once, private, and may be made again", async () => {
  const again = await createTenantContainer(
    `tnt_${container.name.slice("videos-".length).toUpperCase()}`,
    container.account,
  );
  expect(again).toEqual(container);
  expect((await containerClient(container).getProperties()).blobPublicAccess).toBeUndefined();
});

test("JSON comes back as it was, with its ETag", async () => {
  const blobName = newName();
  const etag = await putJson(container, blobName, { a: ["ü", null] });
  expect(await getJson(container, blobName)).toEqual({ value: { a: ["ü", null] }, etag });
  expect(await statBlob(container, blobName)).toEqual({ size: 17, etag, contentType: "application/json" });
});

test("what is not there is undefined to readers", async () => {
  expect(await getJson(container, newName())).toBeUndefined();
  expect(await statBlob(container, newName())).toBeUndefined();
  expect(await getJson({ ...container, name: "videos-none" }, newName())).toBeUndefined();
});

test("writing to a container that is not there is a named error", async () => {
  await expect(putJson({ ...container, name: "videos-none" }, newName(), {})).rejects.toThrow(StorageNotFound);
});

test("a condition that does not hold is a named error, and nothing is written", async () => {
  const blobName = newName();
  const etag = await putJson(container, blobName, 1, { ifNoneMatch: "*" });
  await expect(putJson(container, blobName, 2, { ifNoneMatch: "*" })).rejects.toThrow(StoragePreconditionFailed);
  await expect(putJson(container, blobName, 3, { ifMatch: '"0x1"' })).rejects.toThrow(StoragePreconditionFailed);
  expect(await getJson(container, blobName)).toEqual({ value: 1, etag });
  await putJson(container, blobName, 4, { ifMatch: etag });
  expect((await getJson(container, blobName))?.value).toBe(4);
});

test("a blob that a policy keeps as it is is one that exists already", async () => {
  const kept = new RestError("Immutable due to a policy.", { code: "BlobImmutableDueToPolicy", statusCode: 409 });
  vi.spyOn(BlockBlobClient.prototype, "upload").mockRejectedValueOnce(kept);
  const written = putJson(container, newName(), 1, { ifNoneMatch: "*" });
  await expect(written).rejects.toThrow(StoragePreconditionFailed);
  vi.restoreAllMocks();
});

test("JSON larger than ours ever is is not read", async () => {
  const { blobName } = await given(Buffer.alloc(4 * 1024 * 1024 + 1, "1"));
  await expect(getJson(container, blobName)).rejects.toThrow(StorageFailure);
});

test("deleting twice is no error", async () => {
  const { blobName } = await given("x");
  await deleteBlob(container, blobName);
  await deleteBlob(container, blobName);
  expect(await statBlob(container, blobName)).toBeUndefined();
});

test("staged blocks are listed with their ids and sizes, and commit in the order given", async () => {
  const blobName = newName();
  expect(await arrivedAt(container, blobName)).toEqual({ staged: [], bytes: 0 });
  await stage(blobName, "aa", "b", "dropped");
  expect(await arrivedAt(container, blobName)).toEqual({
    staged: [
      { id: id(0), size: 2 },
      { id: id(1), size: 1 },
      { id: id(2), size: 7 },
    ],
    bytes: 10,
  });
  const etag = await commitBlocks(container, blobName, [id(1), id(0)], { contentType: "video/mp4", ifNoneMatch: "*" });
  expect(await statBlob(container, blobName)).toEqual({ size: 3, etag, contentType: "video/mp4" });
  expect(await arrivedAt(container, blobName)).toEqual({ staged: [], bytes: 3 });
  expect((await blobClient(container, blobName).downloadToBuffer()).toString()).toBe("baa");
  await expect(
    commitBlocks(container, blobName, [id(1)], { contentType: "video/mp4", ifNoneMatch: "*" }),
  ).rejects.toThrow(StoragePreconditionFailed);
});

test("discarding removes staged blocks, and leaves a committed blob as it is", async () => {
  const blobName = newName();
  await stage(blobName, "aa");
  expect(await listed(blobName)).toEqual([]);
  expect(await listed(blobName, { uncommitted: true })).toMatchObject([{ name: blobName, size: 0 }]);
  await discardStaged(container, blobName);
  expect(await listed(blobName, { uncommitted: true })).toEqual([]);
  expect(await arrivedAt(container, blobName)).toEqual({ staged: [], bytes: 0 });
  await discardStaged(container, blobName);

  const kept = await given("kept");
  await discardStaged(container, kept.blobName);
  expect(await statBlob(container, kept.blobName)).toMatchObject({ size: 4, etag: kept.etag });
});

test("a listing has the blobs under its prefix only", async () => {
  await putJson(container, "published/a/1", 1);
  await putJson(container, "published/a/2", 1);
  await putJson(container, "published/ab", 1);
  const found = await listed("published/a/");
  expect(found.map(({ name }) => name)).toEqual(["published/a/1", "published/a/2"]);
  expect(found[0]).toMatchObject({ size: 1, contentType: "application/json" });
  expect(found[0]?.createdAt).toBeInstanceOf(Date);
  expect(found[0]?.etag).toBe((await statBlob(container, "published/a/1"))?.etag);
});

test("a copy has the source's bytes, and may be repeated", async () => {
  const content = randomBytes(300_000);
  const source = { container, ...(await given(content)) };
  const target = { container, blobName: "originals/vid_1" };
  await copyBlob(source, target);
  await copyBlob(source, target);
  expect(await blobClient(container, target.blobName).downloadToBuffer()).toEqual(content);
});

test("a copy that is still under way from before is waited for, and made anew", async () => {
  const source = { container, ...(await given("whole")) };
  const target = { container, blobName: "originals/vid_pending" };
  await copyBlob(source, target);
  const copied = await blobClient(container, target.blobName).getProperties();
  vi.spyOn(BlobClient.prototype, "getProperties").mockResolvedValueOnce({ ...copied, copyStatus: "pending" });
  const begun = vi.spyOn(BlobClient.prototype, "beginCopyFromURL");
  begun.mockRejectedValueOnce(underWay).mockRejectedValueOnce(underWay);
  try {
    await copyBlob(source, target);
    expect(begun).toHaveBeenCalledTimes(3);
  } finally {
    vi.restoreAllMocks();
  }
  expect((await blobClient(container, target.blobName).downloadToBuffer()).toString()).toBe("whole");
});

test("a copy that storage refuses time and again, with none under way, is given up", async () => {
  const source = { container, ...(await given("whole")) };
  const target = { container, blobName: "originals/vid_refused" };
  await copyBlob(source, target);
  const begun = vi.spyOn(BlobClient.prototype, "beginCopyFromURL").mockRejectedValue(underWay);
  try {
    await expect(copyBlob(source, target)).rejects.toBe(underWay);
    expect(begun.mock.calls.length).toBeLessThan(10);
  } finally {
    vi.restoreAllMocks();
  }
});

test("a source that changed since is not copied", async () => {
  const source = { container, ...(await given("before")) };
  await putJson(container, source.blobName, "after");
  const target = { container, blobName: "originals/vid_2" };
  await expect(copyBlob(source, target)).rejects.toThrow(StoragePreconditionFailed);
  expect(await statBlob(container, target.blobName)).toBeUndefined();
});

test("a source that is not there is a named error", async () => {
  const missing = { container, blobName: newName(), etag: '"0x1"' };
  await expect(copyBlob(missing, { container, blobName: "originals/vid_3" })).rejects.toThrow(StorageNotFound);
});

test("a file is uploaded in blocks and streams back the same", async () => {
  const dir = await mkdtemp(join(tmpdir(), "callpilot-upload-"));
  try {
    const content = randomBytes(9 * 1024 * 1024);
    await writeFile(join(dir, "clip"), content);
    const blobName = newName();
    await uploadFile(container, blobName, join(dir, "clip"), { contentType: "video/mp4" });
    const facts = await statBlob(container, blobName);
    expect(facts).toMatchObject({ size: content.length, contentType: "video/mp4" });
    expect((await blobClient(container, blobName).getBlockList("committed")).committedBlocks).toHaveLength(2);
    const stream = await openStream(container, blobName, { ifMatch: facts?.etag ?? "" });
    expect(content.equals(await buffer(stream))).toBe(true);
  } finally {
    await rm(dir, { recursive: true });
  }
});

test("ranges and streams read one version of a blob, or none", async () => {
  const { blobName, ...facts } = await given("0123456789");
  const source = rangeSource(container, blobName, facts);
  expect(source.size).toBe(10);
  expect(Buffer.from(await source.read(2, 5)).toString()).toBe("234");
  expect(Buffer.from(await source.read(9, 10)).toString()).toBe("9");
  await putJson(container, blobName, "9876543210");
  await expect(source.read(2, 5)).rejects.toThrow(StoragePreconditionFailed);
  await expect(openStream(container, blobName, { ifMatch: facts.etag })).rejects.toThrow(StoragePreconditionFailed);
});

test("a blob is deleted whoever leases it, and however often", async () => {
  const blobName = newName();
  await putJson(container, blobName, {});
  const lease = blobClient(container, blobName).getBlobLeaseClient();
  const over = new AbortController();
  const leasing = (async () => {
    while (!over.signal.aborted) await lease.acquireLease(-1).catch(() => undefined);
  })();
  await expect.poll(async () => (await blobClient(container, blobName).getProperties()).leaseState).toBe("leased");
  await deleteBlob(container, blobName);
  over.abort();
  await leasing;
  expect(await statBlob(container, blobName)).toBeUndefined();
});

test("a blob is deleted although something is being copied to it, and that copy with it", async () => {
  const { blobName } = await given("before");
  const blob = blobClient(container, blobName);
  const found = await blob.getProperties();
  const refused = () => Promise.reject(underWay);
  const deleted = vi.spyOn(BlobClient.prototype, "delete").mockImplementationOnce(refused);
  vi.spyOn(BlobClient.prototype, "getProperties").mockResolvedValueOnce({ ...found, copyId: "the-copy" });
  const aborted = vi.spyOn(BlobClient.prototype, "abortCopyFromURL").mockRejectedValueOnce(new Error("It has ended."));
  deleted.mockImplementationOnce(refused);
  try {
    await deleteBlob(container, blobName);
    expect(aborted).toHaveBeenCalledWith("the-copy", expect.anything());
  } finally {
    vi.restoreAllMocks();
  }
  expect(await statBlob(container, blobName)).toBeUndefined();
});
