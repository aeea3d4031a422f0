import { expect, test } from "vitest";
import { now, setClockForTests } from "../clock.ts";
import { insideBoundaryForTests, openScopeForTests, databaseOfFileForTests } from "../tenancy/databaseForTests.ts";
import { newId, prefixes } from "../tenancy/ids.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { rotateWebhook } from "./rotateWebhook.ts";
import { livingPrevious, secretUse, webhookKind } from "./webhook.ts";

const hour = 3_600_000;

insideBoundaryForTests();

databaseOfFileForTests();

async function newWebhook(tenant: TenantScope): Promise<string> {
  const id = newId(prefixes.webhook);
  const protectedSecret = await tenant.protector(secretUse).protect("first");
  await tenant
    .change()
    .create(webhookKind, id, { url: "https://example.com/", events: [], status: "enabled", protectedSecret })
    .commit({ target: id });
  return id;
}

/** The secrets that sign at this time, opened, the current one first. */
async function signing(tenant: TenantScope, id: string): Promise<readonly string[]> {
  const webhook = await tenant.repository.get(webhookKind, id);
  const opened = [webhook, ...livingPrevious(webhook, now())].map(({ protectedSecret }) =>
    tenant.protector(secretUse).unprotect(protectedSecret),
  );
  return (await Promise.all(opened)).map(String);
}

test("each replaced secret signs for 24 hours from its own replacement on, to the millisecond", async () => {
  const tenant = openScopeForTests();
  const start = Date.now();
  const at = (hours: number, ms = 0) => {
    setClockForTests(() => new Date(start + hours * hour + ms));
  };
  at(0);
  const id = await newWebhook(tenant);
  const { secret: second } = await rotateWebhook(tenant, id);
  at(23);
  const { secret: third } = await rotateWebhook(tenant, id);
  at(24, -1);
  expect(await signing(tenant, id)).toEqual([third, second, "first"]);
  at(24);
  expect(await signing(tenant, id)).toEqual([third, second]);
  at(47, -1);
  expect(await signing(tenant, id)).toEqual([third, second]);
  at(47);
  expect(await signing(tenant, id)).toEqual([third]);
  const { secret: fourth } = await rotateWebhook(tenant, id);
  expect(await signing(tenant, id)).toEqual([fourth, third]);
  expect((await tenant.repository.get(webhookKind, id)).previousSecrets).toHaveLength(1);
});

test("of two rotations at once one is told of the other, or both have happened", async () => {
  const tenant = openScopeForTests();
  const id = await newWebhook(tenant);
  const outcomes = await Promise.allSettled([rotateWebhook(tenant, id), rotateWebhook(tenant, id)]);
  const shown = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value.secret] : []));
  for (const outcome of outcomes)
    if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "conflict" });
  expect(shown.length).toBeGreaterThan(0);
  expect(await signing(tenant, id)).toEqual(expect.arrayContaining([...shown, "first"]));
});
