import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ulid } from "ulid";
import {
  type Request,
  type Operation,
  brokenPromises,
  item,
  mark,
  send,
  settled,
  write,
} from "../support/contracts.ts";
import { callerFor, every, requestOn } from "./cases.ts";
import { type Side, newSide } from "./side.ts";

const root = join(import.meta.dirname, "..", "..");
const canary = "canary-of-a-field-that-no-contract-names";

let side: Side;
const marked = new Set<string>();
beforeAll(async () => {
  side = await newSide();
  const attempt = { at: new Date().toISOString(), ms: 1, status: 500 };
  await write(side.id, [
    item(side.id, "delivery", "dlv_0", { webhookId: "whk_0", eventId: "evt_0", state: "failed", attempts: [attempt] }),
    item(side.id, "recorded", "rec_0", {}),
    item(side.id, "evidenceDraft", "evd_0", { videoId: `vid_${ulid()}`, steps: [] }),
    item(side.id, "scanResult", "scn_0", { videoId: `vid_${ulid()}`, verdict: "clean" }),
    item(side.id, "lease", "lse_0", { subject: "vid_0", owner: "0", until: attempt.at, progress: 0 }),
  ]);
  await settled(side.id);
});
afterAll(async () => {
  expect(await brokenPromises()).toEqual([]);
});

/** Adds a field to all that the tenant and the platform have stored. */
async function leak(): Promise<void> {
  for (const kind of await mark(side.id, canary)) marked.add(kind);
}

/** The version of the thing as it is now, where the operation asks for one. */
async function fresh(operation: Operation, request: Request): Promise<Request> {
  if (operation.contract.precondition === undefined) return request;
  const reading = { ...operation.contract, method: "GET" } as const;
  const { headers } = await send(reading, { ...request, body: undefined, headers: {} });
  return { ...request, headers: { "if-match": headers.get("etag") ?? "" } };
}

describe.each(every())("%s", (_, operation) => {
  const { contract } = operation;

  test("answers without a stored field that its contract does not name", async () => {
    const request = await requestOn(side, operation, callerFor(operation));
    await leak();
    const key = contract.method === "POST" ? { "idempotency-key": ulid() } : {};
    const whole = await fresh(operation, request);
    const keyed = { ...whole, headers: { ...whole.headers, ...key } };
    const first = await send(contract, keyed);
    expect([first.status, first.text.includes(canary)]).toEqual([contract.success.status, false]);
    if (contract.method !== "POST") return;
    await leak();
    const again = await send(contract, keyed);
    expect([again.status, again.text.includes(canary)]).toEqual([contract.success.status, false]);
  });
});

/** Named by the sources: what a tenant can have. */
const kinds = globSync("shared/*/*.ts", { cwd: root })
  .filter((file) => !/(?:\.test|ForTests)\.ts$/u.test(file))
  .flatMap((file) => readFileSync(join(root, file), "utf8").split("= defineKind").slice(1))
  .map((text) => text.split('"')[1] ?? "");

/** Facts are there for a moment only; the registry is the platform's. */
const elsewhere = ["fact", "registeredTenant", "accessRequest"];

test("every kind that a tenant has was marked", () => {
  expect(kinds.length).toBeGreaterThan(15);
  expect([...kinds, "logEntry", "logHead"].filter((kind) => !marked.has(kind) && !elsewhere.includes(kind))).toEqual(
    [],
  );
});
