import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManagedIdentityCredential } from "@azure/identity";
import { BlobSASPermissions, BlobServiceClient, generateBlobSASQueryParameters } from "@azure/storage-blob";
import { QueueServiceClient } from "@azure/storage-queue";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type CreatedBlob, type LocalStorage, startAzurite } from "./azurite.ts";
import { startBlobFront } from "./blobFront.ts";
import { loadCertificates, trust } from "./certificates.ts";
import { startIdentity } from "./identity.ts";
import { type Certificates, LocalError, type LocalService } from "./service.ts";

let dir: string;
let tls: Certificates;
let identity: Awaited<ReturnType<typeof startIdentity>>;
let storage: LocalStorage;
let front: LocalService;
let blobs: BlobServiceClient;
const created: CreatedBlob[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "callpilot-azurite-"));
  tls = await loadCertificates(join(dir, "tls"));
  trust(tls.ca);
  identity = await startIdentity({ port: 0 });
  vi.stubEnv("IDENTITY_ENDPOINT", identity.settings.IDENTITY_ENDPOINT);
  vi.stubEnv("IDENTITY_HEADER", identity.settings.IDENTITY_HEADER);
  storage = await startAzurite({ blobPort: 0, queuePort: 0, dataDir: join(dir, "storage"), tls });
  storage.onBlobCreated((blob) => created.push(blob));
  front = await startBlobFront({ port: 0, target: storage.blob.url, tls });
  blobs = new BlobServiceClient(storage.blobServiceUri, new ManagedIdentityCredential());
});

afterAll(async () => {
  await Promise.all([storage.blob.close(), storage.queue.close(), front.close(), identity.close()]);
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true });
});

/** A user-delegation SAS for one blob, at the front's address. */
async function grant(container: string, blob: string, permissions: string): Promise<string> {
  const [startsOn, expiresOn] = [new Date(Date.now() - 60_000), new Date(Date.now() + 600_000)];
  const sas = generateBlobSASQueryParameters(
    {
      containerName: container,
      blobName: blob,
      permissions: BlobSASPermissions.parse(permissions),
      startsOn,
      expiresOn,
    },
    await blobs.getUserDelegationKey(startsOn, expiresOn),
    storage.account,
  );
  return `${front.url}/${storage.account}/${container}/${blob}?${sas.toString()}`;
}

test("a listener hears of every finished blob, and of nothing else", async () => {
  const container = blobs.getContainerClient("signals");
  await container.create();
  await container.getBlockBlobClient("a b/ü.txt").upload("one", 3);
  const staged = container.getBlockBlobClient("staged");
  await staged.stageBlock(btoa("1"), "two", 3);
  expect(created.filter(({ blob }) => blob === "staged")).toEqual([]);
  await staged.commitBlockList([btoa("1")]);
  await staged.setMetadata({ some: "thing" });
  const copy = container.getBlockBlobClient("copy");
  await (await copy.beginCopyFromURL(staged.url)).pollUntilDone();
  await container.getBlockBlobClient("copy").delete();
  expect(created.filter((blob) => blob.container === "signals").map(({ blob }) => blob)).toEqual([
    "a b/ü.txt",
    "staged",
    "copy",
  ]);
});

test("a request without a token is refused, over https", async () => {
  expect((await fetch(`${storage.blobServiceUri}/signals/x`)).status).toBe(403);
  await expect(fetch(storage.blobServiceUri.replace("https:", "http:"))).rejects.toThrow("fetch failed");
});

test("queues keep messages, and a listener hears of each", async () => {
  const heard: string[] = [];
  storage.onQueueMessage((name) => heard.push(name));
  const queue = new QueueServiceClient(storage.queueServiceUri, new ManagedIdentityCredential()).getQueueClient("work");
  await queue.create();
  await queue.sendMessage("hello");
  const { receivedMessageItems } = await queue.receiveMessages();
  expect(receivedMessageItems.map(({ messageText }) => messageText)).toEqual(["hello"]);
  for (const { messageId, popReceipt } of receivedMessageItems)
    await queue.updateMessage(messageId, popReceipt, "again");
  expect(heard).toEqual(["work"]);
});

test("through the front, a grant stages, commits and reads its blob by ranges, without a certificate", async () => {
  await blobs.createContainer("front");
  const write = await grant("front", "video.mp4", "cw");
  const content = new Uint8Array(3_000_000).map((_, index) => index % 251);
  const put = (query: string, body: string | Uint8Array<ArrayBuffer>) =>
    fetch(`${write}${query}`, { method: "PUT", body });
  expect((await put(`&comp=block&blockid=${encodeURIComponent(btoa("1"))}`, content)).status).toBe(201);
  const list = `<?xml version="1.0"?><BlockList><Uncommitted>${btoa("1")}</Uncommitted></BlockList>`;
  const committed = await put("&comp=blocklist", list);
  expect(committed.status).toBe(201);
  expect(committed.headers.get("etag")).toBeTruthy();
  expect((await fetch(write)).status).toBe(403);

  const read = await grant("front", "video.mp4", "r");
  expect(new Uint8Array(await (await fetch(read)).arrayBuffer())).toEqual(content);
  const part = await fetch(read, { headers: { range: "bytes=1000-1999" } });
  expect([part.status, part.headers.get("content-range")]).toEqual([206, "bytes 1000-1999/3000000"]);
  expect(new Uint8Array(await part.arrayBuffer())).toEqual(content.slice(1000, 2000));
  expect((await fetch(read, { method: "PUT", body: "x", headers: { "x-ms-blob-type": "BlockBlob" } })).status).toBe(
    403,
  );
  expect((await fetch(read.replace("video", "other"))).status).toBe(403);
});

test("the front passes nothing without a signature, a bearer token included", async () => {
  const { token } = await new ManagedIdentityCredential().getToken("https://storage.azure.com/.default");
  const headers = { authorization: `Bearer ${token}`, "x-ms-version": "2025-01-05" };
  const address = `${front.url}/${storage.account}/front/video.mp4`;
  expect((await fetch(address, { headers })).status).toBe(403);
  expect((await fetch(`${address}?sig=x`, { headers })).status).toBe(403);
});

test("pages of loopback origins may use the front, others not", async () => {
  const preflight = (origin: string) =>
    fetch(`${front.url}/${storage.account}/front/video.mp4`, {
      method: "OPTIONS",
      headers: {
        origin,
        "access-control-request-method": "PUT",
        "access-control-request-headers": "content-type,x-ms-blob-type",
      },
    });
  const allowed = (await preflight("http://localhost:5173")).headers;
  expect(allowed.get("access-control-allow-origin")).toBe("http://localhost:5173");
  expect(allowed.get("access-control-allow-methods")).toContain("PUT");
  expect(allowed.get("access-control-allow-headers")).toBe("content-type,x-ms-blob-type");
  const other = (await preflight("https://localhost.example.com")).headers;
  expect(other.get("access-control-allow-origin")).toBeNull();
  const read = await fetch(await grant("front", "video.mp4", "r"), { headers: { origin: "http://127.0.0.1:3000" } });
  expect(read.headers.get("access-control-allow-origin")).toBe("http://127.0.0.1:3000");
  await read.body?.cancel();
});

test("malformed addresses are refused and harm nothing", async () => {
  for (const path of ["//", "//%zz", "/%zz/%zz/%zz"])
    for (const url of [storage.blob.url, storage.queue.url, front.url, identity.url])
      expect((await fetch(`${url}${path}?sig=x`, { method: "PUT", body: "x" })).status).toBeGreaterThanOrEqual(400);
  await blobs.createContainer("alive");
});

test("a front whose blob service is gone says so", async () => {
  const lost = await startBlobFront({ port: 0, target: "https://localhost:1", tls });
  expect((await fetch(`${lost.url}/a/b?sig=x`)).status).toBe(502);
  await lost.close();
});

test("SIGKILL amid a storm of writes loses none that was acknowledged", async () => {
  const options = { blobPort: 0, queuePort: 0, dataDir: join(dir, "killed"), tls };
  const code = `
    import { startAzurite } from ${JSON.stringify(new URL("azurite.ts", import.meta.url).href)};
    const { blobServiceUri, queueServiceUri } = await startAzurite(${JSON.stringify(options)});
    process.send([blobServiceUri, queueServiceUri]);
  `;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", code], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const [[blobUri, queueUri]] = (await once(child, "message")) as [[string, string]];
  const clients = (blob: string, queue: string) => {
    const impatient = { retryOptions: { maxTries: 1 } };
    return {
      container: new BlobServiceClient(blob, new ManagedIdentityCredential(), impatient).getContainerClient("videos"),
      queue: new QueueServiceClient(queue, new ManagedIdentityCredential(), impatient).getQueueClient("work"),
    };
  };
  const before = clients(blobUri, queueUri);
  await Promise.all([before.container.create(), before.queue.create()]);
  const acknowledged = { blobs: [] as string[], staged: [] as string[], messages: [] as string[] };
  const writer = async (name: string) => {
    for (let index = 0; ; index++) {
      const text = `${name}-${index}`;
      await before.container.getBlockBlobClient(text).upload(text, text.length);
      acknowledged.blobs.push(text);
      await before.container.getBlockBlobClient(`staged-${text}`).stageBlock(btoa("1"), text, text.length);
      acknowledged.staged.push(text);
      await before.queue.sendMessage(text);
      acknowledged.messages.push(text);
    }
  };
  const writers = ["a", "b", "c", "d"].map((name) => writer(name).catch(() => undefined));
  await vi.waitUntil(() => acknowledged.messages.length > 60, { timeout: 20_000 });
  child.kill("SIGKILL");
  await Promise.all([...writers, once(child, "exit")]);

  const restarted = await startAzurite(options);
  const after = clients(restarted.blobServiceUri, restarted.queueServiceUri);
  for (const text of acknowledged.blobs)
    expect((await after.container.getBlockBlobClient(text).downloadToBuffer()).toString()).toBe(text);
  for (const text of acknowledged.staged)
    await after.container.getBlockBlobClient(`staged-${text}`).commitBlockList([btoa("1")]);
  const found = new Set<string>();
  for (;;) {
    const { receivedMessageItems } = await after.queue.receiveMessages({ numberOfMessages: 32, visibilityTimeout: 60 });
    if (receivedMessageItems.length === 0) break;
    for (const { messageText } of receivedMessageItems) found.add(messageText);
  }
  expect(acknowledged.messages.filter((text) => !found.has(text))).toEqual([]);
  await Promise.all([restarted.blob.close(), restarted.queue.close()]);
});

test("damaged state and a port in use say what to do", async () => {
  const damaged = join(dir, "damaged");
  await mkdir(damaged);
  await writeFile(join(damaged, "blob-metadata.json"), '{"half');
  await expect(startAzurite({ blobPort: 0, queuePort: 0, dataDir: damaged, tls })).rejects.toThrow(
    new LocalError(`${join(damaged, "blob-metadata.json")} is damaged: begin anew with npm start -- --fresh.`),
  );
  const squatter = createServer().listen(0, "127.0.0.1");
  await once(squatter, "listening");
  const { port } = squatter.address() as { port: number };
  await expect(startAzurite({ blobPort: 0, queuePort: port, dataDir: join(dir, "busy"), tls })).rejects.toThrow(
    `Port ${port} (Azurite queue) is in use`,
  );
  squatter.close();
});
