import { afterAll, beforeAll, expect, test } from "vitest";
import { now } from "../clock.ts";
import { KeyRing } from "../protection/keyRing.ts";
import { protectionReady, rotateKeyRing } from "../protection/protection.ts";
import { protector, protectorOf } from "../protection/protector.ts";
import { parseRing } from "../protection/ringDocument.ts";
import { vaultKeyWrap } from "../protection/vault.ts";
import { startAccountForTests } from "./accountForTests.ts";
import { ringStore } from "./ringStore.ts";

let local: Awaited<ReturnType<typeof startAccountForTests>>;

beforeAll(async () => {
  local = await startAccountForTests();
});
afterAll(() => local.close());

const worker = () => new KeyRing({ store: ringStore, wrap: vaultKeyWrap, mayCreate: true, now });

async function storedKeys() {
  return parseRing((await ringStore.read())?.document).keys;
}

test("a ring is created in a new account, by one of the workers that try, and serves all of them", async () => {
  expect(await ringStore.read()).toBeUndefined();
  const workers = Array.from({ length: 4 }, worker);
  const payloads = await Promise.all(workers.map((ring) => protectorOf(() => ring, "tnt_1", "test").protect("x")));
  expect(await storedKeys()).toHaveLength(1);
  for (const ring of workers)
    for (const payload of payloads)
      expect((await protectorOf(() => ring, "tnt_1", "test").unprotect(payload)).toString()).toBe("x");
});

test("a write on an outdated ring is not done", async () => {
  await worker().ready();
  const before = await ringStore.read();
  const ring = parseRing(before?.document);
  expect(await ringStore.write(ring, undefined)).toBeUndefined();
  expect(await ringStore.write(ring, '"0x1"')).toBeUndefined();
  const etag = await ringStore.write(ring, before?.etag);
  expect(await ringStore.read()).toEqual({ document: ring, etag });
});

test("timers of several workers add one key", async () => {
  await worker().ready();
  const at = new Date(now().getTime() + 88 * 86_400_000);
  await Promise.all(Array.from({ length: 4 }, () => worker().rotate(at)));
  expect(await storedKeys()).toHaveLength(2);
});

test("the process's own ring is ready, protects, and needs no rotation yet", async () => {
  await protectionReady();
  const { protectJson, unprotectJson } = protector("tnt_1", "test");
  expect(await unprotectJson(await protectJson({ ok: true }))).toEqual({ ok: true });
  const before = await storedKeys();
  await rotateKeyRing(now());
  expect(await storedKeys()).toEqual(before);
});
