import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { now } from "../clock.ts";
import { KeyRing } from "./keyRing.ts";
import { memoryStore } from "./ringStoreForTests.ts";
import { Secrets } from "./secrets.ts";
import { protectorOf } from "./protector.ts";
import { sign } from "./signing.ts";
import { VaultUnavailable, vaultKeyWrap } from "./vault.ts";
import { type VaultForTests, planFault, startVaultForTests } from "./vaultForTests.ts";

let local: VaultForTests;
beforeAll(async () => {
  local = await startVaultForTests();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await planFault(local.vault, { times: 0, status: 500 });
});
afterAll(() => local.close());

/** Has the limit pass of whatever asks from now on. */
function passLimits(): void {
  vi.spyOn(AbortSignal, "timeout").mockImplementation(() => {
    const limit = new AbortController();
    setImmediate(() => {
      limit.abort(new DOMException("", "TimeoutError"));
    });
    return limit.signal;
  });
}

test("a vault that never answers is waited for no longer than that, and asked again by the next who needs it", async () => {
  const store = memoryStore();
  const ringOf = (mayCreate: boolean) => new KeyRing({ store, wrap: vaultKeyWrap, mayCreate, now });
  await ringOf(true).ready();
  const ring = ringOf(false);
  const secrets = new Secrets(() => protectorOf(() => ring, "platform", "secret-cache"));
  await planFault(local.vault, { hang: true, times: 100 });
  passLimits();
  await expect(ring.active()).rejects.toThrow(VaultUnavailable);
  await expect(secrets.use("any", () => undefined)).rejects.toThrow(VaultUnavailable);
  await expect(sign("log-seal", () => Buffer.alloc(1))).rejects.toThrow(VaultUnavailable);
  vi.restoreAllMocks();
  await planFault(local.vault, { times: 0, status: 500 });
  await expect(ring.active()).resolves.toBeDefined();
});
