import { afterAll, beforeAll, expect, test } from "vitest";
import { startAccountForTests } from "./accountForTests.ts";
import { queueAccount } from "./accounts.ts";
import { sendMessage } from "./queues.ts";

const cause = { tenantId: "platform", requestId: "request-1" };

let local: Awaited<ReturnType<typeof startAccountForTests>>;

beforeAll(async () => {
  local = await startAccountForTests();
});
afterAll(() => local.close());

async function received(queue: string): Promise<unknown[]> {
  const { receivedMessageItems } = await queueAccount().getQueueClient(queue).receiveMessages({ numberOfMessages: 32 });
  return receivedMessageItems.map(
    ({ messageText }) => JSON.parse(Buffer.from(messageText, "base64").toString()) as unknown,
  );
}

test("a message arrives as Base64 of its JSON, on a queue made on first use, and does not expire", async () => {
  await Promise.all([
    sendMessage("send-mail", { ...cause, id: 1, text: "ü" }),
    sendMessage("send-mail", { ...cause, id: 2 }),
  ]);
  const { peekedMessageItems } = await queueAccount().getQueueClient("send-mail").peekMessages();
  expect(peekedMessageItems[0]?.expiresOn.getUTCFullYear()).toBe(9999);
  const messages = await received("send-mail");
  expect(messages).toHaveLength(2);
  expect(messages).toContainEqual({ schemaVersion: 1, ...cause, id: 1, text: "ü" });
});

test("a delayed message is invisible until then", async () => {
  await sendMessage("sweep-tenant", cause, { delaySeconds: 1 });
  expect(await received("sweep-tenant")).toEqual([]);
  await expect
    .poll(() => received("sweep-tenant"), { timeout: 5000, interval: 200 })
    .toEqual([{ schemaVersion: 1, ...cause }]);
});

test("a message that storage would refuse is refused by name", async () => {
  const room = 48 * 1024 - JSON.stringify({ schemaVersion: 1, ...cause, text: "" }).length;
  await expect(sendMessage("send-mail", { ...cause, text: "x".repeat(room + 1) })).rejects.toThrow(RangeError);
  await expect(sendMessage("send-mail", { ...cause, text: "x".repeat(room) })).resolves.toBeUndefined();
});
