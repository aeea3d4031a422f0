import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { KeyRing } from "./keyRing.ts";
import { type Protector, UnprotectError, protectorOf } from "./protector.ts";
import { vaultKeyWrap } from "./vault.ts";
import { memoryStore } from "./ringStoreForTests.ts";
import { type VaultForTests, startVaultForTests } from "./vaultForTests.ts";

let local: VaultForTests;
let ring: KeyRing;
let foreignRing: KeyRing;

beforeAll(async () => {
  local = await startVaultForTests();
  const make = () => new KeyRing({ store: memoryStore(), wrap: vaultKeyWrap, mayCreate: true, now: () => new Date() });
  ring = make();
  foreignRing = make();
});
afterAll(() => local.close());

const of = (tenantId: string, use: string): Protector => protectorOf(() => ring, tenantId, use);

test("bytes and text come back as they were", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), fc.string({ unit: "grapheme" }), async (bytes, text) => {
      const { protect, unprotect } = of("tnt_1", "test");
      expect(await unprotect(await protect(bytes))).toEqual(Buffer.from(bytes));
      expect((await unprotect(await protect(text))).toString()).toBe(text);
    }),
    { numRuns: 50 },
  );
});

test("nothing at all comes back as nothing", async () => {
  const { protect, unprotect } = of("tnt_1", "test");
  expect(await unprotect(await protect(""))).toEqual(Buffer.alloc(0));
});

test("JSON comes back as it was", async () => {
  const { protectJson, unprotectJson } = of("tnt_1", "test");
  const value = { schemaVersion: 1, nested: [null, "ü", 1.5, { deep: true }] };
  expect(await unprotectJson(await protectJson(value))).toEqual(value);
});

test("the same text is never protected to the same payload, and fits a URL", async () => {
  const { protect } = of("tnt_1", "test");
  const payloads = new Set(await Promise.all(Array.from({ length: 100 }, () => protect("x"))));
  expect(payloads.size).toBe(100);
  for (const payload of payloads) expect(payload).toMatch(/^[\w-]{62}$/u);
});

test("a payload with any bit of any byte changed does not open", async () => {
  const { protect, unprotect } = of("tnt_1", "test");
  const payload = Buffer.from(await protect("sixteen bytes ok"), "base64url");
  for (let index = 0; index < payload.length; index++)
    for (const mask of [0x01, 0x80, 0xff]) {
      const changed = Buffer.from(payload);
      changed.writeUInt8(changed.readUInt8(index) ^ mask, index);
      await expect(unprotect(changed.toString("base64url"))).rejects.toThrow(UnprotectError);
    }
});

test("a payload cut short, made longer or spelt otherwise does not open", async () => {
  const { protect, unprotect } = of("tnt_1", "test");
  const payload = await protect("1");
  const spelt = [
    ...Array.from({ length: payload.length }, (_, length) => payload.slice(0, length)),
    `${payload}A`,
    `${payload}=`,
    ` ${payload}`,
    `${payload.slice(0, 10)}!${payload.slice(10)}`,
    Buffer.from(payload, "base64url").toString("hex"),
  ];
  for (const changed of spelt) await expect(unprotect(changed)).rejects.toThrow(UnprotectError);
});

test("every last character but the one it was given is refused, unused bits included", async () => {
  const { protect, unprotect } = of("tnt_1", "test");
  const payload = await protect("1");
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  for (const last of alphabet)
    if (last !== payload.at(-1)) await expect(unprotect(payload.slice(0, -1) + last)).rejects.toThrow(UnprotectError);
});

test.each([
  ["another tenant", "tnt_2", "cursor"],
  ["another use", "tnt_1", "guest-session"],
  ["tenant and use exchanged", "cursor", "tnt_1"],
  ["quotes that would end the tenant's name", 'tnt_1","cursor', "x"],
])("%s does not open it", async (_case, tenantId, use) => {
  const payload = await of("tnt_1", "cursor").protect("x");
  await expect(of(tenantId, use).unprotect(payload)).rejects.toThrow(UnprotectError);
});

test("tenants and uses that read the same when joined are not the same", async () => {
  const payload = await of("tnt_1", "cursor,x").protect("x");
  await expect(of("tnt_1,cursor", "x").unprotect(payload)).rejects.toThrow(UnprotectError);
});

test("a payload has the format that was promised, so that older and newer builds open it", async () => {
  const purpose = Buffer.from('["Callpilot","tnt_1","test"]');
  const { id, master } = await ring.active();
  const payload = Buffer.from(await of("tnt_1", "test").protect("plain"), "base64url");
  expect(payload.subarray(0, 17).toString("hex")).toBe(`01${id}`);
  const key = Buffer.from(hkdfSync("sha256", master, "", purpose, 32));
  const decipher = createDecipheriv("aes-256-gcm", key, payload.subarray(17, 29));
  decipher.setAAD(Buffer.concat([payload.subarray(0, 17), purpose]));
  decipher.setAuthTag(payload.subarray(-16));
  expect(decipher.update(payload.subarray(29, -16), undefined, "utf8") + decipher.final("utf8")).toBe("plain");
});

test("a payload of another version does not open, though its key is known", async () => {
  const purpose = Buffer.from('["Callpilot","tnt_1","test"]');
  const { id, master } = await ring.active();
  const key = Buffer.from(hkdfSync("sha256", master, "", purpose, 32));
  const madeBy = (version: number) => {
    const [header, nonce] = [Buffer.concat([Buffer.of(version), Buffer.from(id, "hex")]), Buffer.alloc(12)];
    const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.concat([header, purpose]));
    const sealed = Buffer.concat([cipher.update("plain"), cipher.final()]);
    return Buffer.concat([header, nonce, sealed, cipher.getAuthTag()]).toString("base64url");
  };
  const { unprotect } = of("tnt_1", "test");
  expect((await unprotect(madeBy(1))).toString()).toBe("plain");
  await expect(unprotect(madeBy(2))).rejects.toThrow(UnprotectError);
});

test("a payload of another ring does not open", async () => {
  const payload = await protectorOf(() => foreignRing, "tnt_1", "test").protect("x");
  await expect(of("tnt_1", "test").unprotect(payload)).rejects.toThrow(UnprotectError);
});

test("every refusal reads the same", async () => {
  const { protect, unprotect } = of("tnt_1", "test");
  const payload = await protect("x");
  const refusals = await Promise.all(
    ["", "?", payload.slice(2), `${payload.slice(0, -4)}AAAA`].map((bad) =>
      unprotect(bad).catch((error: unknown) => String(error)),
    ),
  );
  expect(new Set(refusals)).toEqual(new Set(["UnprotectError: The protected payload cannot be opened."]));
});

test("a protector without a tenant or a use is refused", () => {
  expect(() => of("", "x")).toThrow(TypeError);
  expect(() => of("x", "")).toThrow(TypeError);
});
