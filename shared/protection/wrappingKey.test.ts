import { CryptographyClient, KeyClient } from "@azure/keyvault-keys";
import { afterAll, beforeAll, expect, test } from "vitest";
import { provisionVault } from "../../local/provision.ts";
import { now } from "../clock.ts";
import { identity } from "../identity.ts";
import { readiness } from "../system/readiness.ts";
import { KeyRing } from "./keyRing.ts";
import { parseRing } from "./ringDocument.ts";
import { memoryStore } from "./ringStoreForTests.ts";
import { WrappingKeyTooSmall, vaultKeyWrap, vaultOptions, wrappingKeyName, wrappingKeyReady } from "./vault.ts";
import { type VaultForTests, startVaultForTests } from "./vaultForTests.ts";

const day = 86_400_000;

let local: VaultForTests;
let keys: KeyClient;
beforeAll(async () => {
  local = await startVaultForTests({ WRAPPING_KEY_BITS: "3072" });
  keys = new KeyClient(local.vault.url, identity(), vaultOptions());
});
afterAll(() => local.close());

const check = async () => (await readiness()).find(({ name }) => name === "wrapping-key");
const sizeOf = async () => ((await keys.getKey(wrappingKeyName)).key?.n?.length ?? 0) * 8;

test("a vault's key of less than WRAPPING_KEY_BITS is refused by name until there is a large one; what it wrapped opens", async () => {
  expect(await sizeOf()).toBe(2048);
  await expect(vaultKeyWrap.wrap(Buffer.alloc(32))).rejects.toThrow(WrappingKeyTooSmall);
  await expect(wrappingKeyReady()).rejects.toMatchObject({ name: "WrappingKeyTooSmall" });
  await expect(wrappingKeyReady()).rejects.toThrow(
    "The vault's key key-ring has 2048 bits; WRAPPING_KEY_BITS asks for 3072.",
  );
  expect(await check()).toMatchObject({ ok: false, reason: { cause: { name: "WrappingKeyTooSmall" } } });
  const small = await keys.getKey(wrappingKeyName);
  const wrapped = await new CryptographyClient(small, identity(), vaultOptions()).wrapKey(
    "RSA-OAEP-256",
    Buffer.alloc(32, 7),
  );

  await provisionVault(local.vault.url, 3072);
  expect(await sizeOf()).toBe(3072);
  await expect.poll(check, { timeout: 5_000 }).toEqual({ name: "wrapping-key", ok: true });
  expect(Buffer.from((await vaultKeyWrap.wrap(Buffer.alloc(32))).wrapped, "base64")).toHaveLength(384);
  const opened = await vaultKeyWrap.unwrap(
    Buffer.from(wrapped.result).toString("base64"),
    small.properties.version ?? "",
  );
  expect(Buffer.from(opened)).toEqual(Buffer.alloc(32, 7));
});

test("provisioning again keeps a key that is large enough", async () => {
  const before = await keys.getKey(wrappingKeyName);
  await provisionVault(local.vault.url, 2048);
  expect((await keys.getKey(wrappingKeyName)).properties.version).toBe(before.properties.version);
});

test("once the size is raised, a ring key wrapped by the larger key follows and protects two days later", async () => {
  const small = { wrap: () => Promise.resolve({ wrapped: "A".repeat(344), wrappedBy: "0".repeat(32) }) };
  const unwrap = () => Promise.resolve(Buffer.alloc(32));
  const store = memoryStore();
  let time = now().getTime();
  const of = (wrap: Pick<typeof vaultKeyWrap, "wrap">, wrappingKeyBits: number) =>
    new KeyRing({
      store,
      wrap: { ...wrap, unwrap },
      mayCreate: true,
      wrappingKeyBits,
      now: () => new Date(time),
    });
  await of(small, 2048).ready();
  await of(small, 2048).rotate(new Date(time));
  const ring = of(vaultKeyWrap, 3072);
  for (let run = 0; run < 3; run++) await ring.rotate(new Date(time));
  const keysOfRing = parseRing((await store.read())?.document).keys;
  expect(keysOfRing).toHaveLength(2);
  expect((await ring.active()).id).toBe(keysOfRing[0]?.id);
  time += 2 * day;
  expect((await ring.active()).id).toBe(keysOfRing[1]?.id);
});
