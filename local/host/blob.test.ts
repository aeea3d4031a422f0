import { BlobServiceClient } from "@azure/storage-blob";
import { QueueServiceClient } from "@azure/storage-queue";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { identity } from "../../shared/identity.ts";
import { type TestApp, buildApp, runApp } from "./testing/app.ts";
import { startStorage } from "./testing/services.ts";

const functions = {
  takes: `app.storageBlob("takes", { path: "ingest/{tenantId}/{videoId}.json", connection: "DATA", source: "EventGrid", handler: (blob, context) => {
    const { tenantId, videoId, uri, blobTrigger, properties } = context.triggerMetadata;
    context.log("took", tenantId, videoId, blob.toString(), blobTrigger, uri.endsWith(blobTrigger), properties.contentLength);
  } });`,
  fails: `app.storageBlob("fails", { path: "failing/{name}", connection: "DATA", handler: (blob, context) => {
    context.log("attempt", context.triggerMetadata.name);
    throw new Error("cannot");
  } });`,
  lasts: `app.storageBlob("lasts", { path: "lasting/{name}", connection: "DATA", handler: async (blob, context) => {
    context.log("began", context.triggerMetadata.name);
    await new Promise((resolve) => setTimeout(resolve, 500));
    context.log("ended", context.triggerMetadata.name);
  } });`,
};

describe("a blob trigger", () => {
  let services: Awaited<ReturnType<typeof startStorage>>;
  let dir = "";
  let remove: () => Promise<void>;
  let app: TestApp;
  let blobs: BlobServiceClient;
  const run = () => runApp({ appDir: dir, ca: services.ca }, services.env);
  const put = (container: string, name: string, text: string) =>
    blobs.getContainerClient(container).getBlockBlobClient(name).upload(text, Buffer.byteLength(text));
  const times = (text: string) => app.lines.filter(({ message }) => message.includes(text)).length;

  beforeAll(async () => {
    services = await startStorage();
    blobs = new BlobServiceClient(services.storage.blobServiceUri, identity());
    for (const container of ["ingest", "failing", "lasting"]) await blobs.createContainer(container);
    services.storage.onBlobCreated((blob) => {
      app.send({ blob });
    });
    ({ dir, remove } = await buildApp({ functions, hostJson: { extensions: { blobs: { poisonBlobThreshold: 2 } } } }));
    app = await run();
  });
  afterAll(async () => {
    await app.stop();
    expect(app.noise()).toBe("");
    await services.close();
    await remove();
  });

  test("hands over content, parameters and properties when a blob is written", async () => {
    await put("ingest", "tnt_1/vid_1.json", "{}!");
    await app.logged("took tnt_1 vid_1 {}! ingest/tnt_1/vid_1.json true 3");
  });

  test("ignores what does not fit its path", async () => {
    await put("ingest", "tnt_1/other.txt", "x");
    await put("ingest", "tnt_1/vid_2.json", "x");
    await app.logged("took tnt_1 vid_2");
    expect(times("other")).toBe(0);
  });

  test("runs once for each version, also after a restart", async () => {
    await put("ingest", "tnt_2/vid_3.json", "first");
    await app.logged("vid_3 first");
    await put("ingest", "tnt_2/vid_3.json", "second");
    await app.logged("vid_3 second");
    app.send({ blob: { container: "ingest", blob: "tnt_2/vid_3.json" } });
    await app.stop();
    expect(times("vid_3")).toBe(2);
    await put("ingest", "tnt_2/vid_4.json", "unseen").catch(() => undefined);
    app = await run();
    await app.logged("vid_4 unseen");
    expect(times("vid_3")).toBe(0);
  });

  test("gives up after the threshold, with a message on the poison queue and no further attempt", async () => {
    await put("failing", "bad", "x");
    await app.logged("was given up");
    const queue = new QueueServiceClient(services.storage.queueServiceUri, identity()).getQueueClient(
      "webjobs-blobtrigger-poison",
    );
    const [message] = (await queue.receiveMessages()).receivedMessageItems;
    expect(JSON.parse(Buffer.from(message?.messageText ?? "", "base64").toString())).toMatchObject({
      FunctionId: "Host.Functions.fails",
      ContainerName: "failing",
      BlobName: "bad",
    });
    await app.stop();
    expect(times("attempt bad")).toBe(2);
    app = await run();
    await put("failing", "next", "x");
    await app.logged("was given up");
    expect(times("attempt bad")).toBe(0);
  });

  test("delivers a blob again whose host was killed before the receipt", async () => {
    await put("lasting", "long", "x");
    await app.logged("began long");
    await app.kill();
    app = await run();
    await app.logged("ended long");
  });

  test("runs for an administrator with the path of a blob", async () => {
    const init = {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"input":"ingest/tnt_1/vid_1.json"}',
    };
    expect((await fetch(`${app.url}/admin/functions/takes`, init)).status).toBe(202);
    await app.logged("took tnt_1 vid_1");
  });
});
