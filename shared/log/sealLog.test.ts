import { afterEach, expect, test } from "vitest";
import { backendOfFile } from "../../tests/support/backend.ts";
import { setClockForTests } from "../clock.ts";
import { publicKey } from "../protection/signing.ts";
import { openScopeForTests } from "../tenancy/databaseForTests.ts";
import { newId } from "../tenancy/ids.ts";
import { defineKind } from "../tenancy/kind.ts";
import { type LogEntry, entryHash, entryId } from "../tenancy/logEntry.ts";
import { putJson } from "../storage/blobs.ts";
import { systemContainer } from "../storage/containers.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { logContainer } from "../tenancy/database.ts";
import { within } from "../tenancy/guard.ts";
import { listSeals } from "./listSeals.ts";
import { sealLog } from "./sealLog.ts";
import { appendLog } from "./appendLog.ts";
import { type StoredSeal, keepSeal } from "./sealStore.ts";
import { verifyLog } from "./verifyLog.ts";

backendOfFile();
afterEach(() => {
  setClockForTests();
});

const thingKind = defineKind<{ readonly n: number }>("thing", { schemaVersion: 1, fields: { n: "technical" } });

/** Things happen on a day, and get to the log. */
async function happen(tenant: TenantScope, day: string, times: number): Promise<void> {
  setClockForTests(() => new Date(`${day}T12:00:00.000Z`));
  for (let n = 0; n < times; n++) {
    const id = newId("cmt");
    await tenant.change().create(thingKind, id, { n }).commit({ target: id });
  }
  await appendLog(tenant);
}

type Item = ReturnType<ReturnType<typeof logContainer>["item"]>;

/** What a writer of the database does to an entry, past the app. */
async function past(
  tenant: TenantScope,
  month: string,
  sequence: number,
  write: (item: Item) => Promise<unknown>,
): Promise<void> {
  const partition: readonly [string, string] = [tenant.tenantId, month];
  await within(partition, () => write(logContainer().item(entryId(sequence), [...partition])));
}

const entriesOf = async (tenant: TenantScope): Promise<readonly LogEntry[]> => (await tenant.log.read(0, 1000)).entries;
const sealsOf = async (tenant: TenantScope, ...months: string[]) =>
  (await Promise.all(months.map((month) => listSeals(tenant, month)))).flatMap(({ seals }) => seals);
const shown = async (tenant: TenantScope, ...months: string[]) =>
  (await sealsOf(tenant, ...months)).map(({ kind, month, sequence }) => [kind, month, sequence]);

async function firstSeal(tenant: TenantScope, month: string): Promise<StoredSeal> {
  const { seals, keys } = await listSeals(tenant, month);
  const [seal, key] = [seals[0], keys[0]];
  if (seal === undefined || key === undefined) throw new Error("there is no seal");
  return { seal, key };
}

async function verified(tenant: TenantScope, ...months: string[]) {
  return verifyLog({
    tenantId: tenant.tenantId,
    entries: await entriesOf(tenant),
    seals: await sealsOf(tenant, ...months),
    keys: [await publicKey("log-seal")],
  });
}

test("the end is sealed, each month is closed, and the vault's own key verifies it", async () => {
  const tenant = openScopeForTests();
  await sealLog(tenant);
  expect(await shown(tenant, "2026-09")).toEqual([]);
  await happen(tenant, "2026-09-30", 2);
  await sealLog(tenant);
  await happen(tenant, "2026-09-30", 1);
  await happen(tenant, "2026-11-01", 2);
  await sealLog(tenant);
  expect(await shown(tenant, "2026-09", "2026-10", "2026-11")).toEqual([
    ["head", "2026-09", 2],
    ["close", "2026-09", 3],
    ["head", "2026-11", 5],
  ]);
  expect(await verified(tenant, "2026-09", "2026-11")).toMatchObject({ findings: [], sealed: 5, last: 5 });
  await happen(tenant, "2026-11-02", 1);
  expect(await verified(tenant, "2026-09", "2026-11")).toMatchObject({ findings: [], sealed: 5, last: 6 });
});

test("a repeat, and two at once, make one seal that stays as it is", async () => {
  const tenant = openScopeForTests();
  await happen(tenant, "2026-10-31", 1);
  await happen(tenant, "2026-11-01", 1);
  await Promise.all([sealLog(tenant), sealLog(tenant), sealLog(tenant)]);
  const first = await sealsOf(tenant, "2026-10", "2026-11");
  expect(first.map(({ kind, sequence }) => [kind, sequence])).toEqual([
    ["close", 1],
    ["head", 2],
  ]);
  await sealLog(tenant);
  expect(await sealsOf(tenant, "2026-10", "2026-11")).toEqual(first);
  expect(await verified(tenant, "2026-10", "2026-11")).toMatchObject({ findings: [], sealed: 2 });
});

test("a tenant's seals are its own", async () => {
  const [one, other] = [openScopeForTests(), openScopeForTests()];
  await happen(one, "2026-11-01", 1);
  await sealLog(one);
  expect(await shown(other, "2026-11")).toEqual([]);
  expect((await sealsOf(one, "2026-11")).map(({ tenantId }) => tenantId)).toEqual([one.tenantId]);
});

test("a past that was changed behind the last seal gets no signature", async () => {
  const tenant = openScopeForTests();
  await happen(tenant, "2026-11-01", 1);
  await sealLog(tenant);
  await happen(tenant, "2026-11-02", 2);
  await past(tenant, "2026-11", 2, (item) => item.patch([{ op: "set", path: "/target", value: "svy_other" }]));
  await expect(sealLog(tenant)).rejects.toThrow("the log is not sealed: entry 2 was changed");
  expect(await shown(tenant, "2026-11")).toEqual([["head", "2026-11", 1]]);
});

test("a log with a hole behind the last seal gets no signature, on no night", async () => {
  const tenant = openScopeForTests();
  await happen(tenant, "2026-11-01", 2);
  await sealLog(tenant);
  await happen(tenant, "2026-11-02", 3);
  await past(tenant, "2026-11", 3, (item) => item.delete());
  await expect(sealLog(tenant)).rejects.toThrow("the log is not sealed: entry 3 is missing");
  await happen(tenant, "2026-11-03", 1);
  await expect(sealLog(tenant)).rejects.toThrow("the log is not sealed: entry 3 is missing");
  expect(await shown(tenant, "2026-11")).toEqual([["head", "2026-11", 2]]);
});

test("a log that was cut off before its last seal, or changed there, gets no signature", async () => {
  const [cut, changed] = [openScopeForTests(), openScopeForTests()];
  for (const tenant of [cut, changed]) {
    await happen(tenant, "2026-11-01", 2);
    await sealLog(tenant);
  }
  await past(cut, "2026-11", 2, (item) => item.delete());
  await expect(sealLog(cut)).rejects.toThrow("the log is not sealed: entry 2 is not the one that was");
  await past(changed, "2026-11", 2, (item) => item.patch([{ op: "set", path: "/hash", value: "0".repeat(64) }]));
  await expect(sealLog(changed)).rejects.toThrow("the log is not sealed: entry 2 is not the one that was");
});

test("a seal that the vault has not made is not gone on from", async () => {
  const tenant = openScopeForTests();
  await happen(tenant, "2026-11-01", 1);
  await sealLog(tenant);
  const { seal, key } = await firstSeal(tenant, "2026-11");
  await keepSeal({ seal: { ...seal, month: "2026-12", sequence: 999_999 }, key });
  await happen(tenant, "2026-11-02", 1);
  await expect(sealLog(tenant)).rejects.toThrow("the log is not sealed: the seal of entry 999999 is not ours");
});

test("nothing that was sealed is sealed as something else", async () => {
  const tenant = openScopeForTests();
  await happen(tenant, "2026-11-01", 1);
  await sealLog(tenant);
  const { seal, key } = await firstSeal(tenant, "2026-11");
  await keepSeal({ seal: { ...seal, at: "2026-11-09T00:00:00.000Z" }, key });
  expect((await listSeals(tenant, "2026-11")).seals).toEqual([seal]);
  await expect(keepSeal({ seal: { ...seal, hash: "0".repeat(64) }, key })).rejects.toThrow(
    "the log has another entry 1 than the one that was sealed",
  );
});

test("what is written while the log is sealed is for the next night", async () => {
  const tenant = openScopeForTests();
  await happen(tenant, "2026-11-01", 2);
  await tenant.change().commit({ target: "svy_1" });
  const ordered = await tenant.log.order();
  if (ordered === undefined) throw new Error("there is nothing to order");
  await tenant.log.write(ordered.entries);
  await sealLog(tenant);
  expect(await shown(tenant, "2026-11")).toEqual([["head", "2026-11", 2]]);
  await tenant.log.finish(ordered);
  await sealLog(tenant);
  expect(await shown(tenant, "2026-11")).toEqual([
    ["head", "2026-11", 2],
    ["head", "2026-11", 3],
  ]);
});

test("an old seal that is put where a later one belongs is not gone on from", async () => {
  const tenant = openScopeForTests();
  await happen(tenant, "2026-11-01", 1);
  await sealLog(tenant);
  const stored = await firstSeal(tenant, "2026-11");
  await happen(tenant, "2026-11-02", 2);
  await sealLog(tenant);
  await putJson(systemContainer("seals"), `${tenant.tenantId}/2026-12/000000000999.json`, stored);
  await expect(sealLog(tenant)).rejects.toThrow("2026-12/000000000999.json is another place's seal");
  await expect(listSeals(tenant, "2026-12")).rejects.toThrow("is another place's seal");
});

test("a suffix that was computed again without the log's end gets no signature", async () => {
  const tenant = openScopeForTests();
  await happen(tenant, "2026-11-01", 2);
  const last = (await entriesOf(tenant)).at(-1);
  if (last === undefined) throw new Error("there is no entry");
  const { hash: _hash, ...forged } = { ...last, target: "svy_other" };
  await past(tenant, "2026-11", 2, (item) =>
    item.patch([
      { op: "set", path: "/target", value: forged.target },
      { op: "set", path: "/hash", value: entryHash(forged) },
    ]),
  );
  await expect(sealLog(tenant)).rejects.toThrow("the log is not sealed: its end is of another entry 2");
  expect(await shown(tenant, "2026-11")).toEqual([]);
});
