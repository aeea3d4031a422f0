import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
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

/** The vault, keeping hold of every buffer that a master key was in. */
function watched() {
  const buffers: Uint8Array[] = [];
  const unwrapped: string[] = [];
  const wrap: KeyWrap = {
    wrap: (master) => {
      buffers.push(master);
      return vaultKeyWrap.wrap(master);
    },
    unwrap: async (wrapped, wrappedBy) => {
      unwrapped.push(wrapped);
      const master = await vaultKeyWrap.unwrap(wrapped, wrappedBy);
      buffers.push(master);
      return master;
    },
  };
  return { wrap, buffers, unwrapped };
}

/** A vault that answers nothing. */
const vaultDown: KeyWrap = {
  wrap: () => Promise.reject(new Error("The vault is down.")),
  unwrap: () => Promise.reject(new Error("The vault is down.")),
};

test("an api instance is not ready until the worker has made the ring", async () => {
  const instance = api();
  await expect(instance.ready()).rejects.toThrow(KeyRingUnavailable);
  await expect(instance.ready()).rejects.toMatchObject({ name: "KeyRingUnavailable" });
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

test("a ring is read again after ten minutes, and until then neither for a key it has nor for one that is active", async () => {
  await worker().ready();
  time += 88 * day;
  await worker().rotate(clock());
  const keys = await storedKeys();
  const ring = worker();
  await ring.active();
  const before = store.reads;
  time += 10 * minute - 1;
  await ring.active();
  for (const { id } of keys) await ring.find(id);
  expect(store.reads - before).toBe(0);
  time += 1;
  await ring.active();
  expect(store.reads - before).toBe(1);
});

test("a store that is down is asked again every five seconds", async () => {
  const ring = worker();
  await ring.ready();
  time += 10 * minute;
  store.failing = true;
  const before = store.reads;
  const readsAfter = async (ms: number) => {
    time += ms;
    await ring.active();
    return store.reads - before;
  };
  expect([await readsAfter(0), await readsAfter(0), await readsAfter(4_999), await readsAfter(1)]).toEqual([
    1, 1, 1, 2,
  ]);
});

test("an unknown key id makes an instance read the ring again once five seconds are over", async () => {
  const ring = worker();
  await ring.ready();
  const before = store.reads;
  time += 4_999;
  expect(await ring.find("0".repeat(32))).toBeUndefined();
  expect(store.reads - before).toBe(0);
  time += 1;
  expect(await ring.find("0".repeat(32))).toBeUndefined();
  expect(store.reads - before).toBe(1);
});

test("only where there is a ring to go on with, its store is not waited for any longer", async () => {
  const read = vi.spyOn(store, "read");
  const ring = worker();
  await ring.active();
  time += 10 * minute;
  await ring.active();
  const signals = read.mock.calls.map(([signal]) => signal);
  expect(signals.slice(0, -1).every((signal) => signal === undefined)).toBe(true);
  expect(signals.at(-1)).toBeInstanceOf(AbortSignal);
});

test("an api instance without an active key follows the worker without being shown what the new one protects", async () => {
  const [first, second] = [worker(), api()];
  await first.ready();
  time += 91 * day;
  await expect(second.active()).rejects.toThrow("the worker app adds it");
  const { id } = await first.active();
  time += 5_000;
  expect((await second.active()).id).toBe(id);
});

test.each([
  [4, true],
  [5, false],
])("a change that others forestall %d times in a row is made: %s", async (times, made) => {
  let attempts = 0;
  const write = store.write.bind(store);
  store.write = async (...args) => {
    if (++attempts > 10) throw new Error("The worker does not give up.");
    return attempts <= times ? undefined : await write(...args);
  };
  const change = worker().rotate(clock());
  if (made) await expect(change).resolves.toBeUndefined();
  else await expect(change).rejects.toThrow(KeyRingUnavailable);
  expect(attempts).toBe(5);
  expect(await store.read()).toEqual(made ? expect.anything() : undefined);
});

test("a rotation that is not due writes nothing", async () => {
  await worker().ready();
  const before = await store.read();
  time += day;
  await worker().rotate(clock());
  expect((await store.read())?.etag).toBe(before?.etag);
});

test("a revocation is of one key alone, and of the first time that it was asked for", async () => {
  const ring = worker();
  await ring.ready();
  time += 88 * day;
  await ring.rotate(clock());
  const [first, next] = await storedKeys();
  const revokedAt = clock().toISOString();
  for (let times = 0; times < 2; times++) {
    await ring.revoke(first?.id ?? "", clock());
    time += minute;
  }
  expect((await storedKeys()).slice(0, 2)).toEqual([{ ...first, revokedAt }, next]);
});

test("a key is unwrapped once: ahead if it will protect, else when it is asked for, and never if it was revoked", async () => {
  const maker = worker();
  await maker.revoke((await maker.active()).id, clock());
  const early = watched();
  await api(early.wrap).ready();
  time += 88 * day;
  await maker.rotate(clock());
  time += 2 * day;
  const [revoked, expired, active] = await storedKeys();
  expect(early.unwrapped).toEqual([expired?.wrapped]);
  const { wrap, unwrapped } = watched();
  const ring = api(wrap);
  await ring.ready();
  expect(unwrapped).toEqual([active?.wrapped]);
  for (let times = 0; times < 2; times++) {
    expect(await ring.find(revoked?.id ?? "")).toBeUndefined();
    expect(await ring.find(expired?.id ?? "")).toBeDefined();
    await ring.active();
    time += 10 * minute;
  }
  expect(unwrapped).toEqual([active?.wrapped, expired?.wrapped]);
});

test("a master key's bytes are zero once it was wrapped or unwrapped", async () => {
  const { wrap, buffers } = watched();
  await worker(wrap).active();
  expect(buffers.map((bytes) => Buffer.from(bytes))).toEqual([Buffer.alloc(32), Buffer.alloc(32)]);
});

test("a master key's bytes are zero also where the vault does not wrap it", async () => {
  const masters: Uint8Array[] = [];
  const ring = worker({
    ...vaultDown,
    wrap: (master) => {
      masters.push(master);
      return vaultDown.wrap(master);
    },
  });
  await expect(ring.ready()).rejects.toThrow("vault is down");
  expect(masters.map((bytes) => Buffer.from(bytes))).toEqual([Buffer.alloc(32)]);
});

test("what the vault unwraps is no key of the ring unless it has 256 bits", async () => {
  await worker().ready();
  const bytes = Buffer.alloc(31, 7);
  const ring = api({ ...vaultKeyWrap, unwrap: () => Promise.resolve(bytes) });
  await expect(ring.active()).rejects.toThrow("is not 256 bits long");
  expect(bytes).toEqual(Buffer.alloc(31));
});

test("a key that was revoked is no longer in this process", async () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  const ring = worker();
  const { id, master } = await ring.active().then((key) => ({ id: key.id, master: new WeakRef(key.master) }));
  collectGarbage();
  expect(master.deref()).toBeDefined();
  await ring.revoke(id, clock());
  await expect
    .poll(() => {
      collectGarbage();
      return master.deref();
    })
    .toBeUndefined();
});
