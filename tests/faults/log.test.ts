import { createServer } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { Webhook as Verifier } from "standardwebhooks";
import { ulid } from "ulid";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { listen, stop } from "../../local/service.ts";
import { now } from "../../shared/clock.ts";
import { appendLog } from "../../shared/log/appendLog.ts";
import { type QueueName, queueNames } from "../../shared/storage/queues.ts";
import { queueAccount } from "../../shared/storage/accounts.ts";
import { openScopeForTests } from "../../shared/tenancy/databaseForTests.ts";
import { factKind } from "../../shared/tenancy/fact.ts";
import { newId, prefixes } from "../../shared/tenancy/ids.ts";
import { defineKind } from "../../shared/tenancy/kind.ts";
import { entryHash } from "../../shared/tenancy/logEntry.ts";
import type { TenantScope } from "../../shared/tenancy/scope.ts";
import { createWebhook } from "../../shared/webhooks/createWebhook.ts";
import { type DeliveryMessage, deliverWebhook } from "../../shared/webhooks/deliverWebhook.ts";
import { deliveryId, deliveryKind, retrySeconds } from "../../shared/webhooks/delivery.ts";
import { webhookKind } from "../../shared/webhooks/webhook.ts";
import { backendOfFile } from "../support/backend.ts";
import { type Fault, reachedSites, run, strikesOf } from "../support/faultHook.ts";
import { logFaultFiles, sitesOf } from "../support/faultSites.ts";

interface Received {
  readonly id: string;
  readonly body: string;
  readonly headers: Record<string, string>;
}

const thingKind = defineKind<{ readonly n: number }>("thing", { schemaVersion: 1, fields: { n: "technical" } });
const received = new Map<string, Received[]>();
const answers = new Map<string, number>();
const receiver = createServer((request, response) => {
  let body = "";
  request.on("data", (chunk: Buffer) => (body += chunk.toString()));
  request.on("end", () => {
    const path = request.url ?? "";
    const headers = request.headers as Record<string, string>;
    received.set(path, [...(received.get(path) ?? []), { id: headers["webhook-id"] ?? "", body, headers }]);
    response.writeHead(answers.get(path) ?? 200).end();
  });
});

let origin: string;
beforeAll(async () => {
  origin = `http://127.0.0.1:${await listen(receiver, 0, "webhook receiver")}`;
  vi.stubEnv("WEBHOOK_ALLOWED_ORIGINS", origin);
});
afterAll(() => stop(receiver));
backendOfFile();

interface Case {
  readonly tenant: TenantScope;
  readonly path: string;
  readonly webhookId: string;
  readonly secret: string;
}

/** A tenant of its own with a webhook, and three facts: one with two events, one with a command, one with neither. */
async function newCase(): Promise<Case> {
  const tenant = openScopeForTests();
  const path = `/${ulid()}`;
  const { id, secret } = await createWebhook(tenant, { url: `${origin}${path}`, events: ["survey.created"] });
  const events = [1, 2].map((n) => ({ type: "survey.created" as const, data: { n } }));
  await happen(tenant, { events });
  await happen(tenant, { commands: [{ queue: "send-mail", message: { template: "invitation", id: "x" } }] });
  return { tenant, path, webhookId: id, secret };
}

async function happen(tenant: TenantScope, what: object): Promise<void> {
  const target = `thing_${ulid()}`;
  await tenant
    .change()
    .create(thingKind, target, { n: 1 })
    .commit({ target, ...what });
}

type Message = Record<string, unknown> & { readonly tenantId: string };

/** Everything that was ever taken from the queues. */
const seen: (Message & { readonly queue: QueueName })[] = [];

async function takeMessages(): Promise<void> {
  for (const queue of queueNames) {
    const client = queueAccount().getQueueClient(queue);
    await client.createIfNotExists();
    for (;;) {
      const taken = await client.receiveMessages({ numberOfMessages: 32, visibilityTimeout: 3_600 });
      if (taken.receivedMessageItems.length === 0) break;
      for (const { messageText } of taken.receivedMessageItems)
        seen.push({ ...(JSON.parse(Buffer.from(messageText, "base64").toString()) as Message), queue });
    }
  }
}

/** The distinct messages that were put on queues for the tenant: consumers deduplicate, so what counts is which. */
function messagesOf({ tenantId }: TenantScope): object[] {
  const own = seen.filter((message) => message.tenantId === tenantId).map((message) => JSON.stringify(message));
  return [...new Set(own)].map((text) => JSON.parse(text) as object);
}

/**
 * Does the step once for every await that it comes to and every mode, each time on a case of its own, and then again until
 * it succeeds, as the host would.
 */
async function strikeEverywhere<C extends Case>(
  arrive: () => Promise<C>,
  step: (one: C) => Promise<void>,
  check: (one: C, struck: string) => Promise<void>,
): Promise<readonly string[]> {
  const whole = await arrive();
  const { hits, moments, end } = await run(() => step(whole));
  expect(end).toHaveProperty("value");
  await check(whole, "nowhere");
  const strikes = strikesOf(moments, () => true);
  const lane = async () => {
    for (let strike = strikes.shift(); strike !== undefined; strike = strikes.shift()) {
      const one = await arrive();
      const fault: Fault = { ...strike, overtake: () => run(() => step(one)) };
      await run(() => step(one), fault);
      for (let delivery = 1; ; delivery++) {
        const again = await run(() => step(one));
        if (again.end !== "died" && "value" in again.end) break;
        if (delivery === 5) throw new Error(`never done after ${fault.mode} ${fault.site}`, { cause: again.end });
        await delay(5);
      }
      await check(one, `${fault.mode} ${fault.site} ${fault.time}`);
    }
  };
  await Promise.all([lane(), lane(), lane(), lane()]);
  return hits;
}

async function expectOneLog({ tenant }: Case, struck: string): Promise<void> {
  const { end } = await run(() => tenant.log.read(0, 100));
  if (end === "died" || "error" in end) throw new Error("the log cannot be read", { cause: end });
  const { entries, more } = end.value;
  // The webhook itself, two events, the command.
  expect(
    entries.map(({ seq, data }) => [seq, data["n"]]),
    struck,
  ).toEqual([
    [1, undefined],
    [2, 1],
    [3, 2],
    [4, undefined],
  ]);
  expect(more, struck).toBe(false);
  let before = "0".repeat(64);
  for (const { hash, ...entry } of entries) {
    expect([entry.prevHash, entryHash(entry)], struck).toEqual([before, hash]);
    before = hash;
  }
  expect((await tenant.repository.list(factKind)).items, struck).toEqual([]);
}

function expectMessages({ tenant, webhookId }: Case, struck: string): void {
  const messages = messagesOf(tenant);
  expect(messages, struck).toHaveLength(3);
  expect(messages, struck).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ queue: "deliver-webhook", webhookId, seq: 2 }),
      expect.objectContaining({ queue: "deliver-webhook", webhookId, seq: 3 }),
      expect.objectContaining({ queue: "send-mail", template: "invitation", id: "x" }),
    ]),
  );
}

/** Somebody has given the facts their places, has written the first one, and has died. */
async function newHalfDoneCase(): Promise<Case> {
  const one = await newCase();
  const ordered = await one.tenant.log.order();
  await one.tenant.log.write(ordered?.entries.slice(0, 1) ?? []);
  return one;
}

interface Arrived extends Case {
  readonly message: DeliveryMessage;
}

async function arrived(answer: number): Promise<Arrived> {
  const one = await newCase();
  answers.set(one.path, answer);
  await appendLog(one.tenant);
  const { entries } = await one.tenant.log.read(1, 1);
  return { ...one, message: { webhookId: one.webhookId, month: entries[0]?.month ?? "", seq: 2 } };
}

const eventId = "evt_000000000002";
const deliver = ({ tenant, message }: Arrived) => deliverWebhook(tenant, message);

function deliveryOf({ tenant, webhookId }: Case) {
  return tenant.repository.get(deliveryKind, deliveryId(webhookId, eventId));
}

/** However often it came: always the same, always signed. */
async function expectSame(one: Arrived, struck: string): Promise<readonly Received[]> {
  const sent = received.get(one.path) ?? [];
  const { id: webhookMessageId, body } = await deliveryOf(one);
  expect(new Set(sent.map(({ id }) => id)), struck).toEqual(new Set([webhookMessageId]));
  expect(new Set(sent.map((each) => each.body)), struck).toEqual(new Set([body]));
  for (const each of sent) new Verifier(one.secret).verify(each.body, each.headers);
  return sent;
}

describe("a process that dies, loses an answer or is overtaken, at any await", () => {
  it("orders each fact once and sends what follows from it", { timeout: 120_000 }, async () => {
    const all: [Case, string][] = [];
    const check = async (one: Case, struck: string) => {
      all.push([one, struck]);
      await expectOneLog(one, struck);
    };
    const hits = await strikeEverywhere(newCase, ({ tenant }) => appendLog(tenant), check);
    expect(hits.length).toBeGreaterThan(12);
    await strikeEverywhere(newHalfDoneCase, ({ tenant }) => appendLog(tenant), check);
    await takeMessages();
    for (const [one, struck] of all) expectMessages(one, struck);
  });

  it("delivers an event, and leaves one record of it", { timeout: 120_000 }, async () => {
    const hits = await strikeEverywhere(
      () => arrived(204),
      deliver,
      async (one, struck) => {
        expect(await deliveryOf(one), struck).toMatchObject({ state: "delivered", attempts: [{ status: 204 }] });
        const before = (await expectSame(one, struck)).length;
        await deliver(one);
        expect(received.get(one.path), struck).toHaveLength(before);
      },
    );
    expect(hits.length).toBeGreaterThan(8);
  });

  it("records one failed attempt, and leaves a message for the next one", { timeout: 120_000 }, async () => {
    const all: [Arrived, string][] = [];
    await strikeEverywhere(
      () => arrived(500),
      deliver,
      async (one, struck) => {
        all.push([one, struck]);
        const delivery = await deliveryOf(one);
        expect(delivery, struck).toMatchObject({ state: "pending", attempts: [{ status: 500 }] });
        await expectSame(one, struck);
      },
    );
    await delay(retrySeconds[0] * 1_000);
    await takeMessages();
    for (const [{ tenant, message }, struck] of all) {
      const next = expect.objectContaining({ ...message, attempt: 2 }) as unknown;
      const messages = messagesOf(tenant);
      expect(
        messages.filter((each) => "attempt" in each),
        struck,
      ).toEqual([next]);
    }
  });

  it("disables a webhook whose receiver is gone", { timeout: 120_000 }, async () => {
    await strikeEverywhere(
      () => arrived(410),
      deliver,
      async (one, struck) => {
        expect((await deliveryOf(one)).state, struck).toBe("failed");
        expect((await one.tenant.repository.get(webhookKind, one.webhookId)).status, struck).toBe("disabled");
        await expectSame(one, struck);
      },
    );
  });

  it("leaves no await of these files untried", () => {
    const untried = logFaultFiles.flatMap(sitesOf).filter((site) => !reachedSites().has(site));
    expect(untried).toEqual([]);
  });
});

describe("the schedule", () => {
  it("waits longer each time, for a little more than three days, and then gives up", async () => {
    const one = await arrived(503);
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 10; attempt++) {
      await run(() => deliverWebhook(one.tenant, { ...one.message, attempt }));
      const { nextAttemptAt, attempts, state } = await deliveryOf(one);
      expect(attempts).toHaveLength(attempt);
      expect(state).toBe(attempt < 10 ? "pending" : "exhausted");
      if (nextAttemptAt !== undefined) waits.push(Math.round((Date.parse(nextAttemptAt) - now().getTime()) / 1000));
    }
    expect(waits).toEqual([5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]);
    await run(() => deliverWebhook(one.tenant, { ...one.message, attempt: 11 }));
    expect(received.get(one.path)).toHaveLength(10);
  });

  it("ends for a webhook that is unknown, and for one that was disabled meanwhile", async () => {
    const one = await arrived(500);
    await run(() => deliverWebhook(one.tenant, { ...one.message, webhookId: newId(prefixes.webhook) }));
    await run(() => deliver(one));
    const webhook = await one.tenant.repository.get(webhookKind, one.webhookId);
    await one.tenant.change().patch(webhookKind, webhook, { status: "disabled" }).record();
    await run(() => deliverWebhook(one.tenant, { ...one.message, attempt: 2 }));
    expect(await deliveryOf(one)).toMatchObject({ state: "failed", attempts: [{ status: 500 }] });
    expect(received.get(one.path)).toHaveLength(1);
  });

  it("records a receiver that cannot be reached, and throws for what is no event of the log", async () => {
    const one = await arrived(200);
    const webhook = await one.tenant.repository.get(webhookKind, one.webhookId);
    await one.tenant.change().patch(webhookKind, webhook, { url: "http://127.0.0.1:1/" }).record();
    await run(() => deliver(one));
    expect(await deliveryOf(one)).toMatchObject({ state: "pending", attempts: [{ error: "unsafe_url" }] });
    for (const seq of [1, 99])
      await expect(deliverWebhook(one.tenant, { ...one.message, seq })).rejects.toThrow("no event");
  });
});
