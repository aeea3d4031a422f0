import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { until } from "../../local/client.ts";
import type { Seals } from "../../shared/log/listSeals.ts";
import { isSealedBy } from "../../shared/log/seal.ts";
import { settled } from "../support/contracts.ts";
import { runProgram } from "../support/program.ts";
import { stackUnderTest } from "../support/stackUnderTest.ts";
import { api, expectApi, newSurvey, newTenant } from "../support/tenant.ts";

/** Has the nightly timer run now. */
async function night(): Promise<void> {
  const { status } = await fetch(`${stackUnderTest().apiUrl}/admin/functions/sealLogs`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ input: "" }),
  });
  expect(status).toBe(202);
}

test("the night seals every tenant's log, and who reads the audit can verify it", async () => {
  const [tenant, other] = await Promise.all([newTenant(), newTenant()]);
  await newSurvey(tenant);
  await night();
  const sealsOf = async ({ owner }: typeof tenant) =>
    await until("a seal", 20, async () => {
      const { body } = await expectApi<Seals>("GET /v1/audit/seals", 200, { token: owner.token });
      return body.seals.length > 0 ? body : undefined;
    });
  const [mine, theirs] = [await sealsOf(tenant), await sealsOf(other)];
  for (const [{ seals, keys }, { id }] of [
    [mine, tenant],
    [theirs, other],
  ] as const)
    for (const seal of seals) {
      expect(seal.tenantId).toBe(id);
      expect(keys.filter((key) => isSealedBy(key, seal))).toHaveLength(1);
      expect(keys.some((key) => isSealedBy(key, { ...seal, sequence: seal.sequence + 1 }))).toBe(false);
    }
});

test("seals are listed for a month, to who may read the audit", async () => {
  const tenant = await newTenant();
  const [auditor, surveyor] = [await tenant.join("auditor"), await tenant.join("surveyor")];
  const before = await expectApi<Seals>("GET /v1/audit/seals?month=2020-01", 200, { token: auditor.token });
  expect(before.body).toEqual({ seals: [], keys: [] });
  for (const month of ["2020-13", "2020-1", "x", "2020-01/..", ""])
    expect((await api(`GET /v1/audit/seals?month=${month}`, { token: auditor.token })).status).toBe(400);
  expect((await api("GET /v1/audit/seals", { token: surveyor.token })).status).toBe(403);
});

describe("the verifier", () => {
  const dir = mkdtempSync(join(tmpdir(), "callpilot-log-"));
  const [log, keys, changed] = ["log.json", "keys.json", "changed.json"].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  afterAll(() => {
    rmSync(dir, { recursive: true });
  });

  interface Saved {
    tenantId: string;
    entries: { sequence: number; target: string }[];
    seals: object[];
  }

  const verify = (...args: string[]) => runProgram("scripts/verifyLog.ts", args);

  async function verifyChanged(change: (saved: Saved) => void) {
    const saved = JSON.parse(readFileSync(log, "utf8")) as Saved;
    change(saved);
    writeFileSync(changed, JSON.stringify(saved));
    return await verify(changed, "--keys", keys);
  }

  test(
    "finds a saved log as it was written, and each change of it, and says what it cannot use",
    { timeout: 120_000 },
    async () => {
      const { apiUrl } = stackUnderTest();
      const tenant = await newTenant();
      await newSurvey(tenant);
      await settled(tenant.id);
      await night();
      await until("a seal", 20, async () => {
        const { body } = await expectApi<Seals>("GET /v1/audit/seals", 200, { token: tenant.owner.token });
        return body.seals.length > 0 ? true : undefined;
      });
      expect(await verify(log, "--fetch", apiUrl, "--token", tenant.owner.token, "--keep-keys", keys)).toMatchObject({
        code: 0,
      });

      const good = await verify(log, "--keys", keys);
      expect(good.output).toMatch(/\nEntries 1 to \d+ are as they were sealed at/u);
      expect(good.code).toBe(0);
      const altered = await verifyChanged(({ entries }) => {
        Object.assign(entries[2] ?? {}, { target: "svy_other" });
      });
      expect([altered.code, altered.output]).toEqual([1, expect.stringContaining("✗ 3: entry 3 was changed")]);
      const relabelled = await verifyChanged(({ entries }) => {
        Object.assign(entries[2] ?? {}, { result: "denied" });
      });
      expect([relabelled.code, relabelled.output]).toEqual([1, expect.stringContaining("✗ 3: entry 3 is shown with")]);
      const cut = await verifyChanged((saved) => {
        saved.entries.pop();
      });
      expect([cut.code, cut.output]).toEqual([1, expect.stringContaining("which was sealed, is missing")]);
      const unsealed = await verifyChanged((saved) => {
        saved.seals = [];
      });
      expect([unsealed.code, unsealed.output]).toEqual([2, expect.stringContaining("nothing vouches for this log")]);

      writeFileSync(changed, JSON.stringify({ keys: [] }));
      expect(await verify(log, "--keys", changed)).toMatchObject({
        code: 1,
        output: expect.stringContaining("is signed with a key that is not believed") as string,
      });
      expect(await verify(keys, "--keys", keys)).toMatchObject({ code: 2 });
      expect(await verify("nowhere.json", "--keys", keys)).toMatchObject({ code: 2 });
      expect(await verify()).toMatchObject({
        code: 2,
        output: expect.stringContaining("npm run verify-log") as string,
      });
      for (const origin of [apiUrl, "http://127.0.0.1:1", "nonsense"])
        expect(await verify(log, "--fetch", origin, "--token", "forged-token-of-nobody")).toMatchObject({ code: 2 });
      expect(await verify("--bogus")).toMatchObject({ code: 2 });
      expect(await verify("--help")).toMatchObject({ code: 0 });
    },
  );
});
