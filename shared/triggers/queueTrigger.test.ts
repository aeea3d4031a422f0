import { InvocationContext } from "@azure/functions";
import { Type } from "@sinclair/typebox";
import { ulid } from "ulid";
import { expect, it } from "vitest";
import { type QueueInput, type SubjectInput, queueTrigger } from "./queueTrigger.ts";

interface Message {
  id: string;
}
type Seen = QueueInput<Message> | SubjectInput<Message>;

/** Delivers a message as the host does; gives what the handler was given, and what was logged. */
async function deliver(message: unknown, { subject, dequeueCount }: { subject?: true; dequeueCount?: number } = {}) {
  const seen: Seen[] = [];
  const logged: string[] = [];
  const definition = {
    queue: "send-mail",
    message: { id: Type.String({ maxLength: 10 }) },
    handler: (input: Seen) => {
      seen.push(input);
      return Promise.resolve();
    },
  } as const;
  const { handler } = queueTrigger(subject === undefined ? definition : { ...definition, subject });
  const context = new InvocationContext({
    functionName: "sendMail",
    triggerMetadata: dequeueCount === undefined ? {} : { dequeueCount },
    logHandler: (_level, line) => {
      logged.push(String(line));
    },
  });
  await handler(message, context);
  return { seen, logged };
}

const tenantId = `tnt_${ulid()}`;
const subjectTenantId = `tnt_${ulid()}`;
const envelope = { schemaVersion: 1, tenantId, requestId: "request-1" };
const ofPlatform = { ...envelope, tenantId: "platform" };

it("opens the tenant that the message names, and not the platform", async () => {
  const { seen } = await deliver({ ...envelope, id: "a" }, { dequeueCount: 3 });
  expect(seen).toHaveLength(1);
  expect(seen[0]).toMatchObject({
    message: { id: "a" },
    tenant: { tenantId, action: "sendMail", requestId: "request-1" },
    attempt: 3,
  });
  expect(seen[0]).not.toHaveProperty("platform");
});

it("takes a message of the next build, with more fields", async () => {
  expect((await deliver({ ...envelope, schemaVersion: 2, id: "a", further: true })).seen).toHaveLength(1);
});

it("opens the subject of the platform's message", async () => {
  const { seen } = await deliver({ ...ofPlatform, subjectTenantId, id: "a" }, { subject: true });
  expect(seen[0]).toMatchObject({ tenant: { tenantId: subjectTenantId }, platform: { tenantId: "platform" } });
});

it("lets no tenant's message have a subject, and no message the platform for its subject", async () => {
  const wrong = [
    { ...envelope, subjectTenantId, id: "a" },
    { ...ofPlatform, subjectTenantId: "platform", id: "a" },
    { ...ofPlatform, id: "a" },
  ];
  for (const message of wrong)
    await expect(deliver(message, { subject: true })).rejects.toThrow("does not match its schema");
});

it("refuses what is no message of ours", async () => {
  const wrong = [
    null,
    "[]",
    { id: "a" },
    { ...envelope },
    { ...envelope, id: "longer than ten" },
    { ...envelope, tenantId: "tnt_1", id: "a" },
    { ...envelope, tenantId: `${tenantId} `, id: "a" },
  ];
  for (const message of wrong)
    await expect(deliver(message), JSON.stringify(message)).rejects.toThrow("does not match its schema");
});
