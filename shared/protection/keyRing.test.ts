import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { KeyRing, KeyRingUnavailable } from "./keyRing.ts";
import { UnprotectError, protectorOf } from "./protector.ts";
import { parseRing } from "./ringDocument.ts";
import { type KeyWrap, vaultKeyWrap } from "./vault.ts";
import { memoryStore } from "./ringStoreForTests.ts";
import { type VaultForTests, startVaultForTests } from "./vaultForTests.ts";

const day = 86_400_000;
const minute = 60_000;

let local: VaultForTests;
let store: ReturnType<typeof memoryStore>;
let time: number;

beforeAll(async () => {
  local = await startVaultForTests();
});
afterAll(() => local.close());
beforeEach(() => {
  store = memoryStore();
  time = Date.parse("2026-01-01T00:00:00.000Z");
});

const clock = () => new Date(time);
const worker = (wrap: KeyWrap = vaultKeyWrap) => new KeyRing({ store, wrap, mayCreate: true, now: clock });
const api = (wrap: KeyWrap = vaultKeyWrap) => new KeyRing({ store, wrap, mayCreate: false, now: clock });
const on = (ring: KeyRing) => protectorOf(() => ring, "tnt_1", "test");

async function storedKeys() {
  const stored = await store.read();
  return parseRing(stored?.document).keys;
}

/** A vault that answers nothing. */
const vaultDown: KeyWrap = {
  wrap: () => Promise.reject(new Error("The vault is down.")),
  unwrap: () => Promise.reject(new Error("The vault is down.")),
};

test("an api instance is not ready until the worker has made the ring", async () => {
  const instance = api();
  await expect(instance.ready()).rejects.toThrow(KeyRingUnavailable);
  await expect(on(instance).protect("x")).rejects.toThrow("worker app creates it");
  expect(await store.read()).toBeUndefined();
  await worker().ready();
  await expect(instance.ready()).resolves.toBeUndefined();
});

test("only the worker changes the ring", async () => {
  await worker().ready();
  await expect(api().rotate(clock())).rejects.toThrow(KeyRingUnavailable);
});

test("what one instance protects another opens", async () => {
  const payload = await on(worker()).protect("Grüezi");
  expect((await on(api()).unprotect(payload)).toString()).toBe("Grüezi");
});

test("workers that start together make one ring of one key", async () => {
  const workers = Array.from({ length: 5 }, () => worker());
  const payloads = await Promise.all(workers.map((ring) => on(ring).protect("x")));
  expect(await storedKeys()).toHaveLength(1);
  await Promise.all(
    payloads.flatMap((payload) => workers.map((ring) => expect(on(ring).unprotect(payload)).resolves.toBeDefined())),
  );
});

test("timers that fire together add one key", async () => {
  await worker().ready();
  time += 88 * day;
  await Promise.all(Array.from({ length: 5 }, () => worker().rotate(clock())));
  expect(await storedKeys()).toHaveLength(2);
});

test("on day 88 the next key is added, on day 90 it protects, on day 91 the old one still opens", async () => {
  const [first, second] = [worker(), api()];
  const old = await on(first).protect("old");
  time += 88 * day;
  await first.rotate(clock());
  const [before, next] = await storedKeys();
  expect((await second.active()).id).toBe(before?.id);
  time += 2 * day;
  expect((await first.active()).id).toBe(next?.id);
  expect((await second.active()).id).toBe(next?.id);
  time += day;
  expect((await on(second).unprotect(old)).toString()).toBe("old");
  expect((await on(api()).unprotect(old)).toString()).toBe("old");
});

test("where the timer never ran, the worker replaces the expired key on use and an api instance follows", async () => {
  const [first, second] = [worker(), api()];
  await first.ready();
  await second.ready();
  time += 91 * day;
  await expect(second.active()).rejects.toThrow(KeyRingUnavailable);
  const payload = await on(first).protect("x");
  time += minute;
  await expect(on(second).unprotect(payload)).resolves.toBeDefined();
  await expect(second.active()).resolves.toMatchObject({ id: (await first.active()).id });
});

test("a revoked key never opens again, anywhere, and another protects at once", async () => {
  const [first, second] = [worker(), api()];
  const payload = await on(first).protect("x");
  await on(second).unprotect(payload);
  const { id } = await first.active();
  await first.revoke(id, clock());
  await expect(on(first).unprotect(payload)).rejects.toThrow(UnprotectError);
  expect((await first.active()).id).not.toBe(id);
  await expect(on(api()).unprotect(payload)).rejects.toThrow(UnprotectError);
  time += 10 * minute;
  await expect(on(second).unprotect(payload)).rejects.toThrow(UnprotectError);
  await expect(first.revoke("0".repeat(32), clock())).rejects.toThrow(RangeError);
});

test("unknown key ids make an instance read the ring again, but not at their pace", async () => {
  const ring = worker();
  await ring.ready();
  time += minute;
  const before = store.reads;
  const forged = Buffer.concat([Buffer.of(1), Buffer.alloc(60, 7)]).toString("base64url");
  for (let i = 0; i < 20; i++) await expect(on(ring).unprotect(forged)).rejects.toThrow(UnprotectError);
  expect(store.reads - before).toBe(1);
});

test("with the vault down an instance goes on with the keys it has, the next one included", async () => {
  let wrap = vaultKeyWrap;
  let unwrapped = 0;
  const ring = api({
    wrap: (...args) => wrap.wrap(...args),
    unwrap: async (...args) => {
      const master = await wrap.unwrap(...args);
      unwrapped++;
      return master;
    },
  });
  await worker().ready();
  time += 88 * day;
  await worker().rotate(clock());
  const payload = await on(ring).protect("x");
  await expect.poll(() => unwrapped).toBe(2);
  wrap = vaultDown;
  time += 3 * day;
  expect((await ring.active()).id).toBe((await storedKeys())[1]?.id);
  await expect(on(ring).protect("y")).resolves.toBeDefined();
  await expect(on(ring).unprotect(payload)).resolves.toBeDefined();
});

test("with the vault down a new instance says so, and recovers", async () => {
  await worker().ready();
  let wrap = vaultDown;
  const ring = api({ wrap: (...args) => wrap.wrap(...args), unwrap: (...args) => wrap.unwrap(...args) });
  await expect(ring.ready()).rejects.toThrow("vault is down");
  wrap = vaultKeyWrap;
  await expect(ring.ready()).resolves.toBeUndefined();
});

test("with the store down an instance goes on with the ring it read, and an unknown key is not called a forgery", async () => {
  const ring = api();
  const payload = await on(worker()).protect("x");
  await on(ring).unprotect(payload);
  store.failing = true;
  time += day;
  await expect(on(ring).unprotect(payload)).resolves.toBeDefined();
  await expect(ring.ready()).rejects.toThrow("store is down");
  const unknown = Buffer.concat([Buffer.of(1), Buffer.alloc(60, 7)]).toString("base64url");
  await expect(on(ring).unprotect(unknown)).rejects.toThrow("store is down");
});

test("no master key is in the stored ring", async () => {
  const masters: string[] = [];
  const ring = worker({
    wrap: (master) => {
      masters.push(Buffer.from(master).toString("base64"));
      return vaultKeyWrap.wrap(master);
    },
    unwrap: (...args) => vaultKeyWrap.unwrap(...args),
  });
  await ring.ready();
  expect(masters).toHaveLength(1);
  expect(JSON.stringify(await storedKeys())).not.toContain(masters[0]);
});

test("with the vault down on the day a key is due, nothing is written, the old one goes on, and the next run adds it", async () => {
  await worker().ready();
  const [first] = await storedKeys();
  time += 88 * day;
  const failing: KeyWrap = { ...vaultDown, unwrap: (...args) => vaultKeyWrap.unwrap(...args) };
  const ring = worker(failing);
  await expect(ring.rotate(clock())).rejects.toThrow("vault is down");
  expect(await storedKeys()).toEqual([first]);
  expect((await ring.active()).id).toBe(first?.id);
  time += day;
  await worker().rotate(clock());
  expect(await storedKeys()).toHaveLength(2);
});

test("a revocation and a rotation at the same time both happen", async () => {
  await worker().ready();
  const [first] = await storedKeys();
  time += 88 * day;
  await Promise.all([worker().revoke(first?.id ?? "", clock()), worker().rotate(clock())]);
  const keys = await storedKeys();
  expect(keys.find(({ id }) => id === first?.id)?.revokedAt).toBe(clock().toISOString());
  const { id } = await api().active();
  expect(id).not.toBe(first?.id);
});

test("a revocation reaches every instance that is running within ten minutes, whatever each has unwrapped", async () => {
  const instances = Array.from({ length: 4 }, () => api());
  const first = worker();
  const payload = await on(first).protect("x");
  for (const instance of instances) await on(instance).unprotect(payload);
  await first.revoke((await first.active()).id, clock());
  time += 10 * minute;
  for (const instance of instances) await expect(on(instance).unprotect(payload)).rejects.toThrow(UnprotectError);
  const after = await on(first).protect("y");
  for (const instance of instances) await expect(on(instance).unprotect(after)).resolves.toBeDefined();
});
