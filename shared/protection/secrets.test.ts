import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { now, setClockForTests } from "../clock.ts";
import { KeyRing, KeyRingUnavailable } from "./keyRing.ts";
import { type Protector, protectorOf } from "./protector.ts";
import { SecretUnavailable, Secrets } from "./secrets.ts";
import { secretClient, vaultKeyWrap } from "./vault.ts";
import { memoryStore } from "./ringStoreForTests.ts";
import { type VaultForTests, planFault, startVaultForTests } from "./vaultForTests.ts";

const minute = 60_000;

let local: VaultForTests;
let ring: KeyRing;
let count = 0;

beforeAll(async () => {
  local = await startVaultForTests();
  ring = new KeyRing({ store: memoryStore(), wrap: vaultKeyWrap, mayCreate: true, now });
  await ring.ready();
});
afterEach(async () => {
  setClockForTests();
  await planFault(local.vault, { times: 0, status: 500 });
});
afterAll(() => local.close());

const cacheProtector = () => protectorOf(() => ring, "platform", "secret-cache");
const text = (bytes: Buffer) => bytes.toString();

/** A new secret of that value. */
async function given(value: string): Promise<string> {
  const name = `secret-${++count}`;
  await secretClient().setSecret(name, value);
  return name;
}

function later(ms: number): void {
  const time = now().getTime() + ms;
  setClockForTests(() => new Date(time));
}

test("a use gets the secret, and its bytes are zero when it ends", async () => {
  const secrets = new Secrets(cacheProtector);
  const name = await given("päss");
  let kept: Buffer = Buffer.alloc(0);
  const seen = await secrets.use(name, (bytes) => {
    kept = bytes;
    return text(bytes);
  });
  expect(seen).toBe("päss");
  expect(kept).toEqual(Buffer.alloc(5));
});

test("the bytes are zero after a use that failed, too", async () => {
  const secrets = new Secrets(cacheProtector);
  const name = await given("secret");
  let kept: Buffer = Buffer.alloc(0);
  const use = secrets.use(name, async (bytes) => {
    kept = bytes;
    await Promise.resolve();
    throw new Error("broken");
  });
  await expect(use).rejects.toThrow("broken");
  expect(kept).toEqual(Buffer.alloc(6));
});

test("what is kept between uses is ciphertext, and what was fetched is zeroed", async () => {
  const fetched: Uint8Array[] = [];
  const opened: string[] = [];
  const { protect, unprotect, ...rest } = cacheProtector();
  const watching: Protector = {
    ...rest,
    protect: (plain) => {
      if (typeof plain === "string") throw new TypeError("A secret must not be handed on as a string.");
      fetched.push(plain);
      return protect(plain);
    },
    unprotect: (payload) => {
      opened.push(payload);
      return unprotect(payload);
    },
  };
  const secrets = new Secrets(() => watching);
  const name = await given("a secret of some length");
  for (let use = 0; use < 3; use++) expect(await secrets.use(name, text)).toBe("a secret of some length");
  expect(fetched).toEqual([new Uint8Array(23)].map((zero) => Buffer.from(zero)));
  expect(opened).toHaveLength(3);
  expect(new Set(opened).size).toBe(1);
  expect(Buffer.from(opened.join(""), "base64url").includes("a secret of")).toBe(false);
});

test("a new version is used once the cached one is ten minutes old", async () => {
  const secrets = new Secrets(cacheProtector);
  const name = await given("old");
  expect(await secrets.use(name, text)).toBe("old");
  await secretClient().setSecret(name, "new");
  later(9 * minute);
  expect(await secrets.use(name, text)).toBe("old");
  later(2 * minute);
  expect(await secrets.use(name, text)).toBe("new");
});

test("a cached secret is asked for again once it is ten minutes old, and half a minute after that was in vain", async () => {
  const secrets = new Secrets(cacheProtector);
  const name = await given("old");
  setClockForTests(
    (
      (time) => () =>
        time
    )(now()),
  );
  await secrets.use(name, text);
  await secretClient().setSecret(name, "new");
  later(10 * minute - 1);
  expect(await secrets.use(name, text)).toBe("old");
  // One attempt of the client's with its three repeats.
  await planFault(local.vault, { status: 503, times: 4 });
  later(1);
  expect(await secrets.use(name, text)).toBe("old");
  later(minute / 2 - 1);
  expect(await secrets.use(name, text)).toBe("old");
  later(1);
  expect(await secrets.use(name, text)).toBe("new");
});

test("uses that begin together ask the vault once", async () => {
  let protections = 0;
  const { protect, ...rest } = cacheProtector();
  const counting: Protector = {
    ...rest,
    protect: (plain) => {
      protections++;
      return protect(plain);
    },
  };
  const secrets = new Secrets(() => counting);
  const name = await given("x");
  await Promise.all(Array.from({ length: 10 }, () => secrets.use(name, text)));
  expect(protections).toBe(1);
});

test.each([
  ["answers 503", { status: 503, times: 100 }],
  ["resets connections", { reset: true, times: 100 } as const],
  ["hangs", { hang: true, times: 100 } as const],
  ["lets nobody in from there", { status: 403, innerCode: "ForbiddenByConnection", times: 100 }],
])("a cached secret is used on while the vault %s, and refreshed when it is back", async (_case, fault) => {
  const secrets = new Secrets(cacheProtector);
  const name = await given("old");
  await secrets.use(name, text);
  await secretClient().setSecret(name, "new");
  await planFault(local.vault, fault);
  later(11 * minute);
  expect(await secrets.use(name, text)).toBe("old");
  await planFault(local.vault, { status: 500, times: 0 });
  // For a while nobody asks again.
  expect(await secrets.use(name, text)).toBe("old");
  later(minute);
  expect(await secrets.use(name, text)).toBe("new");
});

test("a secret that was disabled is no longer used, cached or not", async () => {
  const secrets = new Secrets(cacheProtector);
  const name = await given("hidden");
  await secrets.use(name, text);
  const { properties } = await secretClient().getSecret(name);
  await secretClient().updateSecretProperties(name, properties.version ?? "", { enabled: false });
  later(11 * minute);
  const refused = secrets.use(name, text);
  await expect(refused).rejects.toThrow(SecretUnavailable);
  await expect(refused).rejects.not.toThrow("hidden");
  await planFault(local.vault, { status: 503, times: 100 });
  await expect(secrets.use(name, text)).rejects.toMatchObject({ statusCode: 503 });
});

test("a secret that never was is named in the error", async () => {
  const refused = new Secrets(cacheProtector).use("absent", text);
  await expect(refused).rejects.toThrow("no secret absent");
  await expect(refused).rejects.toMatchObject({ name: "SecretUnavailable" });
});

test("a vault that does not answer the first time is not said to have no such secret", async () => {
  const name = await given("x");
  await planFault(local.vault, { status: 503, times: 100 });
  await expect(new Secrets(cacheProtector).use(name, text)).rejects.toMatchObject({ statusCode: 503 });
});

test("after its ring key was revoked a secret is fetched again", async () => {
  const secrets = new Secrets(cacheProtector);
  const name = await given("x");
  await secrets.use(name, text);
  await ring.revoke((await ring.active()).id, now());
  expect(await secrets.use(name, text)).toBe("x");
});

test("where the key ring does not open it, the secret is not fetched again", async () => {
  let protections = 0;
  const { protect, ...rest } = cacheProtector();
  const unavailable: Protector = {
    ...rest,
    protect: (plain) => {
      protections++;
      return protect(plain);
    },
    unprotect: () => Promise.reject(new KeyRingUnavailable("The key ring is down.")),
  };
  const name = await given("x");
  await expect(new Secrets(() => unavailable).use(name, text)).rejects.toThrow("The key ring is down.");
  expect(protections).toBe(1);
});
