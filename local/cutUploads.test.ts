import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type Files from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:https";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManagedIdentityCredential } from "@azure/identity";
import { BlobSASPermissions, BlobServiceClient, generateBlobSASQueryParameters } from "@azure/storage-blob";
import type { TLSSocket } from "node:tls";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type LocalStorage, startAzurite } from "./azurite.ts";
import { loadCertificates, trust } from "./certificates.ts";
import { startIdentity } from "./identity.ts";

const fs = createRequire(import.meta.url)("node:fs") as typeof Files;

let dir: string;
let identity: Awaited<ReturnType<typeof startIdentity>>;
let storage: LocalStorage;
let blobs: BlobServiceClient;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "callpilot-azurite-"));
  const tls = await loadCertificates(join(dir, "tls"));
  trust(tls.ca);
  identity = await startIdentity({ port: 0 });
  vi.stubEnv("IDENTITY_ENDPOINT", identity.settings.IDENTITY_ENDPOINT);
  vi.stubEnv("IDENTITY_HEADER", identity.settings.IDENTITY_HEADER);
  watchFiles();
  storage = await startAzurite({ blobPort: 0, queuePort: 0, dataDir: join(dir, "storage"), tls });
  blobs = new BlobServiceClient(storage.blobServiceUri, new ManagedIdentityCredential());
});
afterAll(async () => {
  await Promise.all([storage.blob.close(), storage.queue.close(), identity.close()]);
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true });
});

/** Writes that have begun and not ended, by file descriptor. */
const underWay = new Map<number, number>();
/** Files that were closed while there were any. Those writes reach whatever is opened next. */
let closedTooEarly = 0;

function watchFiles(): void {
  const { write, close } = fs;
  vi.spyOn(fs, "write").mockImplementation((fd: number, ...rest: unknown[]) => {
    const done = rest.pop() as (...results: unknown[]) => void;
    underWay.set(fd, (underWay.get(fd) ?? 0) + 1);
    (write as (...parameters: unknown[]) => void)(fd, ...rest, (...results: unknown[]) => {
      underWay.set(fd, (underWay.get(fd) ?? 0) - 1);
      done(...results);
    });
  });
  vi.spyOn(fs, "close").mockImplementation(((fd: number, done: () => void) => {
    if ((underWay.get(fd) ?? 0) > 0) closedTooEarly++;
    close(fd, done);
  }) as typeof fs.close);
}

/** Sends some of a block, and lets the connection go. */
async function cutUpload(address: string): Promise<void> {
  const upload = request(`${address}&comp=block&blockid=${btoa("000001")}`, {
    method: "PUT",
    headers: { "content-length": 1_000_000 },
  });
  // Not by once(), which would end with the error that is meant.
  const closed = new Promise<void>((resolve) => {
    upload.on("error", () => undefined).on("close", resolve);
  });
  const [socket] = (await once(upload, "socket")) as [TLSSocket];
  if (socket.connecting) await once(socket, "secureConnect");
  upload.write(randomBytes(150_000));
  setImmediate(() => {
    socket.destroySoon();
  });
  await closed;
}

test("an upload that is cut leaves what was stored before as it was", async () => {
  const container = blobs.getContainerClient("videos-cut");
  await container.create();
  const stored = randomBytes(1000);
  await container.getBlockBlobClient("stored").upload(stored, stored.length);
  const [startsOn, expiresOn] = [new Date(Date.now() - 60_000), new Date(Date.now() + 600_000)];
  const sas = generateBlobSASQueryParameters(
    {
      ...{ containerName: "videos-cut", blobName: "cut", permissions: BlobSASPermissions.parse("cw") },
      ...{ startsOn, expiresOn },
    },
    await blobs.getUserDelegationKey(startsOn, expiresOn),
    storage.account,
  );
  const address = `${storage.blobServiceUri}/videos-cut/cut?${sas.toString()}`;
  for (let cut = 0; cut < 200; cut++) await cutUpload(address);
  expect(closedTooEarly).toBe(0);
  expect(stored.equals(await container.getBlobClient("stored").downloadToBuffer())).toBe(true);
});
