import { ulid } from "ulid";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { platformTenantId } from "../../shared/tenancy/ids.ts";
import {
  type Operation,
  type Request,
  type StoredDocument,
  brokenPromises,
  documents,
  entriesOf,
  send,
  settled,
  state,
} from "../support/contracts.ts";
import { allowed, caseOf, every, isPlatforms, requestOn } from "./cases.ts";
import { type Side, newSide } from "./side.ts";

let shared: Side;
beforeAll(async () => {
  shared = await newSide();
});
afterAll(async () => {
  expect(await brokenPromises()).toEqual([]);
});

const remembered = ({ contract }: Operation) => contract.method === "POST" && typeof contract.repeat === "function";
const natural = ({ contract }: Operation) => contract.repeat === "natural";

function keyed(request: Request, key: string): Request {
  return { ...request, headers: { ...request.headers, "idempotency-key": key } };
}

/**
 * An answer without what differs between two grants of the same, signatures, bearers and their ends, and without the time
 * of the last change, which a mail that is sent meanwhile moves on.
 */
function lasting({ name: operation }: Operation, text: string): unknown {
  // What is begun anew goes on at once: how far it is differs, which video it is does not.
  if (operation === "retryVideo") return (JSON.parse(text) as { id: string }).id;
  return JSON.parse(text, (name, value: unknown) => {
    if (name === "expiresAt" || name === "bearer") return "<granted>";
    if (name === "updatedAt") return "<moves on>";
    return typeof value === "string" && name === "url" ? value.split("?")[0] : value;
  });
}

/** What the platform has of tenants whose name begins like that. */
async function tenantsNamed(beginning: string): Promise<readonly StoredDocument[]> {
  const all = await documents(platformTenantId);
  return all.filter(({ kind, name }) => kind === "registeredTenant" && String(name).startsWith(beginning));
}

/** What the operation did to its tenant while the work was done: what came to be, what was counted, how often it changed. */
async function effect<T>(
  { name, contract: { permission } }: Operation,
  side: Side,
  work: () => Promise<T>,
): Promise<{ result: T; effect: unknown }> {
  // Mails, processing and other tests go on meanwhile; the platform's own state is everybody's.
  const ofPlatform = isPlatforms(permission);
  const look = async () => {
    if (ofPlatform) return { entries: 0, all: await tenantsNamed(side.name) };
    await settled(side.id);
    return { entries: await entriesOf(side.id, name), all: await state(side.id) };
  };
  const before = await look();
  const result = await work();
  const after = await look();
  const known = new Set(before.all.map(({ id }) => id));
  const counters = (all: readonly StoredDocument[]) =>
    all.filter(({ kind }) => kind === "counter").map(({ value }) => Number(value));
  const counted = counters(after.all).map((value, at) => value - (counters(before.all)[at] ?? 0));
  // A lease is of the work that follows, not of the request.
  const created = after.all.filter(({ id, kind }) => !known.has(id) && kind !== "lease").map(({ kind }) => kind);
  const happened = {
    changes: after.entries - before.entries,
    counted: counted.some((by) => by !== 0) ? counted : [],
    created: created.toSorted(),
  };
  return { result, effect: happened };
}

const nothing = { changes: 0, counted: [], created: [] };

// Each on a tenant of its own, and at once: most of the time goes into waiting for logs.
describe.concurrent.each(every(remembered))("%s", (_, operation) => {
  const { contract } = operation;

  test("answers a repeat the same and has one effect, also of two at once; another body is refused", async () => {
    const side = await newSide();
    const request = keyed(await requestOn(side, operation), ulid());
    const twin = keyed(await requestOn(side, operation), ulid());
    const { result: first, effect: once } = await effect(operation, side, () => send(contract, request));
    expect(first.status).toBe(contract.success.status);
    expect(first.headers.get("idempotent-replayed")).toBeNull();

    const { result: again, effect: none } = await effect(operation, side, () => send(contract, request));
    expect([again.status, again.headers.get("idempotent-replayed")]).toEqual([first.status, "true"]);
    expect(lasting(operation, again.text)).toEqual(lasting(operation, first.text));
    expect(again.headers.get("location")).toBe(first.headers.get("location"));
    expect(none).toEqual(nothing);

    const otherBody = caseOf(operation).other;
    if (otherBody === undefined) throw new Error("the case has no other request for a used key");
    const other = await otherBody(request, side);
    const { result: refused, effect: noOther } = await effect(operation, side, () =>
      send<{ code: string }>(contract, other),
    );
    expect([refused.status, refused.body.code]).toEqual([422, "idempotency_mismatch"]);
    expect(noOther).toEqual(nothing);

    const { result: both, effect: together } = await effect(operation, side, () =>
      Promise.all([send(contract, twin), send(contract, twin)]),
    );
    expect(both.map(({ status }) => status)).toEqual([first.status, first.status]);
    expect(lasting(operation, both[0].text)).toEqual(lasting(operation, both[1].text));
    expect(together).toEqual(once);
  });

  const isGuests = contract.permission.startsWith("guest:");
  if (isGuests || allowed(contract, "admin"))
    test("lets another caller use the same key", async () => {
      const key = ulid();
      const [one, other] = await Promise.all([
        requestOn(shared, operation),
        requestOn(shared, operation, isGuests ? "guest" : "admin"),
      ]);
      for (const request of [one, other]) {
        const { status, headers } = await send(contract, keyed(request, key));
        expect([status, headers.get("idempotent-replayed")]).toEqual([contract.success.status, null]);
      }
    });
});

describe.concurrent.each(every(natural))("%s", (_, operation) => {
  const { contract } = operation;

  test("may be repeated: it changes nothing more and names the same things", async () => {
    const side = await newSide();
    const request = keyed(await requestOn(side, operation), ulid());
    const first = await send(contract, request);
    expect(first.status).toBe(contract.success.status);
    const { result: again, effect: none } = await effect(operation, side, () => send(contract, request));
    expect(again.status).toBe(first.status);
    const { state: _one, ...one } = lasting(operation, first.text) as { state?: string };
    const { state: _two, ...two } = lasting(operation, again.text) as { state?: string };
    expect(two).toMatchObject(one);
    expect(none).toMatchObject({ changes: 0, created: [] });
    const both = await Promise.all([send(contract, request), send(contract, request)]);
    expect(both.map(({ status }) => status)).toEqual([first.status, first.status]);
  });
});
