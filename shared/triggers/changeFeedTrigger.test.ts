import { InvocationContext } from "@azure/functions";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type VaultForTests, startVaultForTests } from "../protection/vaultForTests.ts";
import { newTenantId } from "../tenancy/databaseForTests.ts";
import { changeFeedTrigger } from "./changeFeedTrigger.ts";

let settings: VaultForTests;
beforeAll(async () => {
  settings = await startVaultForTests();
});
afterAll(() => settings.close());

/** Hands a batch over as the host does; gives the tenants that were worked for, in their order. */
async function feed(changed: readonly unknown[], failing: readonly string[] = [], retryCount?: number) {
  const tenants: string[] = [];
  const logged: Record<string, unknown>[] = [];
  const { handler } = changeFeedTrigger({
    handler: ({ tenant }) => {
      tenants.push(tenant.tenantId);
      return failing.includes(tenant.tenantId) ? Promise.reject(new Error("poison")) : Promise.resolve();
    },
  });
  const context = new InvocationContext({
    functionName: "appendLog",
    ...(retryCount !== undefined && { retryContext: { retryCount, maxRetryCount: -1 } }),
    logHandler: (level, line) => {
      logged.push({ level, ...(JSON.parse(String(line)) as object) });
    },
  });
  const done = await Promise.resolve(handler(changed as never, context)).then(
    () => "done",
    (error: unknown) => (error as Error).name,
  );
  return { tenants, logged, done };
}
const fact = (tenantId: unknown) => ({ kind: "fact", tenantId });

it("works once for each tenant that has facts, and looks at nothing else", async () => {
  const [one, other, without] = [newTenantId(), newTenantId(), newTenantId()];
  const batch = [fact(one), { kind: "survey", tenantId: without }, fact(other), fact(one), {}, { kind: "fact" }];
  expect(await feed(batch)).toMatchObject({ tenants: [one, other], done: "done", logged: [] });
});

it("works for the platform, and for no strange tenant", async () => {
  const strange = ["tnt_1", "", null, 7, {}, `${newTenantId()}\n`, "Platform"];
  expect(await feed([...strange.map(fact), fact("platform")])).toMatchObject({ tenants: ["platform"], done: "done" });
  expect(await feed(strange.map(fact))).toMatchObject({ tenants: [], done: "done" });
  expect(await feed([])).toMatchObject({ tenants: [], done: "done" });
});

describe("a tenant that fails", () => {
  it("holds up nobody else, and is left to the sweep", async () => {
    const [bad, good, last] = [newTenantId(), newTenantId(), newTenantId()];
    const { tenants, done, logged } = await feed([bad, good, last].map(fact), [bad]);
    expect([tenants, done]).toEqual([[bad, good, last], "done"]);
    expect(logged).toMatchObject([{ level: "error", event: "tenant_failed", tenantId: bad }]);
  });

  it("brings the batch back while all fail, and not for ever", async () => {
    const all = [newTenantId(), newTenantId()];
    for (const [batch, repeat] of [
      [all, undefined],
      [all, 0],
      [all.slice(1), 0],
      [all, 4],
    ] as const)
      expect((await feed(batch.map(fact), all, repeat)).done).toBe("AggregateError");
    for (const batch of [all, all.slice(1)])
      expect(await feed(batch.map(fact), all, 5)).toMatchObject({ tenants: batch, done: "done" });
  });
});
