import { createHmac, timingSafeEqual } from "node:crypto";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { reachedSites, run, faultModes } from "../../tests/support/faultHook.ts";
import { secretFaultFiles, sitesOf } from "../../tests/support/faultSites.ts";
import { now } from "../clock.ts";
import { KeyRing } from "./keyRing.ts";
import { type OwnSecretName, ownSecrets } from "./ownSecrets.ts";
import { protectorOf } from "./protector.ts";
import { memoryStore } from "./ringStoreForTests.ts";
import { rotateSecrets } from "./rotateSecrets.ts";
import { SecretUnavailable, Secrets } from "./secrets.ts";
import { secretClient, vaultKeyWrap } from "./vault.ts";
import { type VaultForTests, planFault, startVaultForTests } from "./vaultForTests.ts";

const hour = 3_600_000;
const day = 24 * hour;
const name = "address-hash-key";
const { lifetimeDays, overlapDays } = ownSecrets[name];

let local: VaultForTests;
let ring: KeyRing;

beforeAll(async () => {
  // The whole process goes by it: app, SDK, vault and tokens. Nothing else is faked. The vault counts whole seconds.
  vi.useFakeTimers({ toFake: ["Date"], now: Math.floor(Date.now() / 1000) * 1000 });
  local = await startVaultForTests();
  ring = new KeyRing({ store: memoryStore(), wrap: vaultKeyWrap, mayCreate: true, now });
  await ring.ready();
});
afterEach(async () => {
  await planFault(local.vault, { times: 0, status: 500 });
  await forget();
});
afterAll(async () => {
  vi.useRealTimers();
  await local.close();
});

const pass = (ms: number) => vi.setSystemTime(Date.now() + ms);
const instance = () => new Secrets<OwnSecretName>(() => protectorOf(() => ring, "platform", "secret-cache"));
const text = (bytes: Buffer) => bytes.toString();

/** Its versions, the oldest first. */
async function versions() {
  const all = await Array.fromAsync(secretClient().listPropertiesOfSecretVersions(name));
  return all.sort((one, other) => Number(one.createdOn) - Number(other.createdOn));
}
const enabled = async () => (await versions()).filter((version) => version.enabled === true);

async function forget(): Promise<void> {
  await secretClient().beginDeleteSecret(name);
  await secretClient().purgeDeletedSecret(name);
}

test("a secret that is missing is made, of 256 bits, with the day it expires; a repeat makes no other", async () => {
  await rotateSecrets(now());
  await rotateSecrets(now());
  const [only, ...more] = await versions();
  expect(more).toEqual([]);
  expect(only?.expiresOn).toEqual(new Date(Date.now() + lifetimeDays * day));
  expect(await instance().use(name, (bytes) => Buffer.from(text(bytes), "base64url").length)).toBe(32);
});

test("it gets a new version two weeks before it expires, and the old one is disabled when the overlap is over", async () => {
  const holder = instance();
  await rotateSecrets(now());
  const [old, oldVersion] = await holder.use(name, (bytes, version) => [text(bytes), version] as const);
  pass((lifetimeDays - 14) * day - hour);
  await rotateSecrets(now());
  expect(await versions()).toHaveLength(1);
  pass(hour);
  await rotateSecrets(now());
  expect(await enabled()).toHaveLength(2);
  pass(11 * 60_000);
  expect(await holder.use(name, text)).not.toBe(old);
  expect(await holder.use(name, text, oldVersion)).toBe(old);
  pass(overlapDays * day - 12 * 60_000);
  await rotateSecrets(now());
  expect(await enabled()).toHaveLength(2);
  pass(60_000);
  await rotateSecrets(now());
  expect(await enabled()).toHaveLength(1);
  pass(11 * 60_000);
  await expect(holder.use(name, text, oldVersion)).rejects.toThrow(SecretUnavailable);
  expect(await holder.use(name, text)).not.toBe(old);
});

test("one that was disabled, or that somebody made without an end, is replaced at once", async () => {
  await rotateSecrets(now());
  const [only] = await versions();
  await secretClient().updateSecretProperties(name, only?.version ?? "", { enabled: false });
  await expect(instance().use(name, text)).rejects.toThrow(SecretUnavailable);
  pass(1000);
  await rotateSecrets(now());
  expect(await enabled()).toHaveLength(1);
  pass(1000);
  await secretClient().setSecret(name, "made by hand");
  pass(1000);
  await rotateSecrets(now());
  expect(await instance().use(name, text)).not.toBe("made by hand");
});

test("two that rotate at once leave a secret that works, and nothing of the other after its time", async () => {
  await Promise.all([rotateSecrets(now()), rotateSecrets(now())]);
  const made = (await versions()).length;
  expect(made).toBeLessThanOrEqual(2);
  await rotateSecrets(now());
  expect(await versions()).toHaveLength(made);
  await expect(instance().use(name, text)).resolves.toHaveLength(43);
  pass((lifetimeDays - 14) * day);
  await rotateSecrets(now());
  pass(overlapDays * day);
  await Promise.all([rotateSecrets(now()), rotateSecrets(now())]);
  expect(await enabled()).toHaveLength(1);
});

test.each([
  ["answers 503", { status: 503, times: 100 }],
  ["resets connections", { reset: true, times: 100 } as const],
])("where the vault %s it says so, and the next run finishes the work", async (_case, fault) => {
  await rotateSecrets(now());
  pass((lifetimeDays - 1) * day);
  await planFault(local.vault, fault);
  await expect(rotateSecrets(now())).rejects.toThrow("1 secrets were not seen to");
  await planFault(local.vault, { status: 500, times: 0 });
  expect(await versions()).toHaveLength(1);
  await rotateSecrets(now());
  expect(await versions()).toHaveLength(2);
});

test("where the vault does not list its versions no other is made", async () => {
  await rotateSecrets(now());
  // The list is refused once; whatever comes after it would be answered.
  await planFault(local.vault, { status: 403, times: 1 });
  await expect(rotateSecrets(now())).rejects.toThrow("1 secrets were not seen to");
  expect(await versions()).toHaveLength(1);
});

test("one that lasts is enough where another was made in the same second, and is kept", async () => {
  await rotateSecrets(now());
  await secretClient().setSecret(name, "made by hand, without an end");
  await rotateSecrets(now());
  pass(overlapDays * day);
  await rotateSecrets(now());
  expect(await enabled()).toHaveLength(2);
});

test("a version that was disabled is left alone", async () => {
  await rotateSecrets(now());
  pass((lifetimeDays - 14) * day);
  await rotateSecrets(now());
  pass(overlapDays * day);
  await rotateSecrets(now());
  const before = await versions();
  expect(before.map((version) => version.enabled)).toEqual([false, true]);
  pass(day);
  await rotateSecrets(now());
  expect(await versions()).toEqual(before);
});

test("wherever it is cut off or overtaken, the secret works, and the next run finishes the work", async () => {
  /** One due to be replaced, or one replaced whose overlap is over. */
  const prepare = async (replaced: boolean) => {
    await forget();
    await rotateSecrets(now());
    const [only] = await versions();
    await secretClient().updateSecretProperties(name, only?.version ?? "", { expiresOn: new Date(Date.now() + day) });
    pass(1000);
    if (!replaced) return;
    await rotateSecrets(now());
    pass(overlapDays * day);
  };
  await rotateSecrets(now());
  for (const replaced of [false, true]) {
    await prepare(replaced);
    const { hits } = await run(() => rotateSecrets(now()));
    expect(hits.length).toBeGreaterThan(2);
    for (const site of new Set(hits))
      for (const mode of faultModes) {
        await prepare(replaced);
        await run(() => rotateSecrets(now()), { site, time: 1, mode, overtake: () => rotateSecrets(now()) });
        await expect(instance().use(name, text)).resolves.toHaveLength(43);
        await rotateSecrets(now());
        pass(overlapDays * day);
        await rotateSecrets(now());
        const [newest, ...others] = (await enabled()).reverse();
        expect((newest?.expiresOn?.getTime() ?? 0) - Date.now()).toBeGreaterThan(14 * day);
        expect(others.every(({ createdOn }) => Number(createdOn) === Number(newest?.createdOn))).toBe(true);
      }
  }
  expect([...reachedSites()].sort()).toEqual(secretFaultFiles.flatMap(sitesOf).sort());
});

test("rotated under load, no use and no check of what was made in the last day fails", async () => {
  const [maker, checker] = [instance(), instance()];
  const kept: { readonly at: number; readonly version: string; readonly signature: Buffer }[] = [];
  const sign = (key: Buffer) => createHmac("sha256", key).update("what was made").digest();
  const make = async () => {
    await maker.use(name, (key, version) => kept.push({ at: Date.now(), version, signature: sign(key) }));
  };
  const check = async ({ version, signature }: (typeof kept)[number]) =>
    await checker.use(name, (key) => timingSafeEqual(sign(key), signature), version);
  await rotateSecrets(now());
  pass((lifetimeDays - 15) * day);
  const used = new Set<string>();
  for (let passed = 0; passed < 4 * day; passed += hour) {
    const presented = kept.filter(({ at }) => Date.now() - at < day - hour);
    const [checks] = await Promise.all([
      Promise.all(presented.map(check)),
      rotateSecrets(now()),
      rotateSecrets(now()),
      ...Array.from({ length: 10 }, make),
    ]);
    expect(checks.every(Boolean)).toBe(true);
    for (const { version } of kept.slice(-10)) used.add(version);
    pass(hour);
  }
  expect(kept).toHaveLength(960);
  expect(used.size).toBeGreaterThan(1);
});
