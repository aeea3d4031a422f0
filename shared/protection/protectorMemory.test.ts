import { createDecipheriv, hkdfSync } from "node:crypto";
import { expect, test, vi } from "vitest";
import { KeyRing } from "./keyRing.ts";
import { UnprotectError, protectorOf } from "./protector.ts";
import { memoryStore } from "./ringStoreForTests.ts";

// Node's own functions at work, remembering what they gave.
vi.mock("node:crypto", { spy: true });

const wrap = {
  wrap: () => Promise.resolve({ wrapped: "AAAA", wrappedBy: "0".repeat(32) }),
  unwrap: () => Promise.resolve(Buffer.alloc(32, 7)),
};
const ring = new KeyRing({ store: memoryStore(), wrap, mayCreate: true, now: () => new Date() });
const { protect, unprotect } = protectorOf(() => ring, "tnt_1", "test");

test("the key made for a tenant and a use is zero once it has protected or unprotected", async () => {
  expect((await unprotect(await protect("plain"))).toString()).toBe("plain");
  const keys = vi.mocked(hkdfSync).mock.results.map(({ value }) => Buffer.from(value as ArrayBuffer));
  expect(keys).toEqual([Buffer.alloc(32), Buffer.alloc(32)]);
});

test("what was decrypted is zero where it turns out to be forged", async () => {
  const payload = await protect("plain");
  const decipher = createDecipheriv("aes-256-gcm", Buffer.alloc(32), Buffer.alloc(12));
  const update = vi.spyOn(Object.getPrototypeOf(decipher) as typeof decipher, "update");
  await expect(unprotect(`${payload.slice(0, -4)}AAAA`)).rejects.toThrow(UnprotectError);
  expect(update.mock.results.at(-1)?.value).toEqual(Buffer.alloc(5));
});
