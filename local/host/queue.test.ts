import { QueueServiceClient } from "@azure/storage-queue";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { identity } from "../../shared/identity.ts";
import { type TestApp, buildApp, runApp } from "./testing/app.ts";
import { startStorage } from "./testing/services.ts";

const functions = {
  takes: `app.storageQueue("takes", { queueName: "takes", connection: "DATA", handler: (message, context) => {
    context.log("took", JSON.stringify(message), context.triggerMetadata.dequeueCount, typeof context.triggerMetadata.id);
  } });`,
  fails: `app.storageQueue("fails", { queueName: "%FAILS_QUEUE%", connection: "DATA", handler: (message, context) => {
    context.log("attempt", context.triggerMetadata.dequeueCount);
    throw new Error("cannot");
  } });`,
  lasts: `app.storageQueue("lasts", { queueName: "lasts", connection: "DATA", handler: async (message, context) => {
    context.log("began", message);
    await new Promise((resolve) => setTimeout(resolve, 1600));
    context.log("ended", message);
  } });`,
};

describe("a queue trigger", () => {
  let services: Awaited<ReturnType<typeof startStorage>>;
  let dir = "";
  let remove: () => Promise<void>;
  let app: TestApp;
  let queues: QueueServiceClient;
  const run = () => runApp({ appDir: dir, ca: services.ca, messageLock: 1 }, { ...services.env, FAILS_QUEUE: "fails" });
  const put = (queue: string, message: unknown) =>
    queues.getQueueClient(queue).sendMessage(Buffer.from(JSON.stringify(message)).toString("base64"));
  const left = async (queue: string) =>
    (await queues.getQueueClient(queue).getProperties()).approximateMessagesCount ?? 0;

  beforeAll(async () => {
    services = await startStorage();
    queues = new QueueServiceClient(services.storage.queueServiceUri, identity());
    ({ dir, remove } = await buildApp({
      functions,
      hostJson: { extensions: { queues: { maxDequeueCount: 2, visibilityTimeout: "00:00:00" } } },
    }));
    app = await run();
  });
  afterAll(async () => {
    await app.stop();
    expect(app.noise()).toBe("");
    await services.close();
    await remove();
  });

  test("makes its queue, hands over the parsed message and deletes it", async () => {
    await put("takes", { a: "ü & <b>" });
    await app.logged('took {"a":"ü & <b>"} 1 string');
    await expect.poll(() => left("takes")).toBe(0);
  });

  test("wakes up when told of a message", async () => {
    await put("takes", "now");
    app.send({ queue: "takes" });
    await app.logged('took "now"');
  });

  test("shows a message again after a failure and moves it to the poison queue after the last", async () => {
    await put("fails", { id: 1 });
    await app.logged("attempt 1");
    await app.logged("attempt 2");
    await app.logged("was moved to fails-poison");
    const [buried] = (await queues.getQueueClient("fails-poison").receiveMessages()).receivedMessageItems;
    expect(Buffer.from(buried?.messageText ?? "", "base64").toString()).toBe('{"id":1}');
    expect(await left("fails")).toBe(0);
    expect(app.lines.filter(({ message }) => message.startsWith("attempt"))).toHaveLength(2);
  });

  test("moves a message in another encoding than host.json's straight to the poison queue", async () => {
    await queues.getQueueClient("takes").sendMessage("plain text!");
    await app.logged("was moved to takes-poison");
  });

  test("keeps a message hidden while its function runs, longer than the lock", async () => {
    await put("lasts", "long");
    await app.logged("ended long");
    await expect.poll(() => left("lasts")).toBe(0);
    expect(app.lines.filter(({ message }) => message === "began long")).toHaveLength(1);
  });

  test("delivers a message again whose host was killed, and lets a running function end when it stops", async () => {
    await put("lasts", "killed");
    await app.logged("began killed");
    await app.kill();
    app = await run();
    await app.logged("began killed");
    await app.stop();
    expect(app.lines.map(({ message }) => message)).toContain("ended killed");
    expect(await left("lasts")).toBe(0);
    app = await run();
  });

  test("runs for an administrator with the given message", async () => {
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: '{"input":"{\\"by\\":1}"}' };
    expect((await fetch(`${app.url}/admin/functions/takes`, init)).status).toBe(202);
    await app.logged('took {"by":1}');
  });
});
