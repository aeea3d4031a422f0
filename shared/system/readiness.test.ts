import { setTimeout as delay } from "node:timers/promises";
import { expect, it } from "vitest";
import { startBackend } from "../../tests/support/backend.ts";
import { readiness } from "./readiness.ts";

it("names what answers and what does not", async () => {
  const backend = await startBackend();
  expect(await readiness()).toEqual([
    { name: "database", ok: true },
    { name: "storage", ok: true },
    { name: "key-ring", ok: true },
    { name: "wrapping-key", ok: true },
    { name: "secrets", ok: true },
    { name: "tenancy-guard", ok: true },
  ]);
  await backend[Symbol.asyncDispose]();
  const kept = await readiness();
  expect(kept.every(({ ok }) => ok)).toBe(true);

  await delay(1_100);
  const started = performance.now();
  const checks = await readiness();
  // Storage by itself is waited for twice as long.
  expect(performance.now() - started).toBeLessThan(30_000);
  for (const name of ["database", "storage"])
    expect(checks.find((check) => check.name === name)).toMatchObject({ ok: false, reason: { code: name } });
  // It asks nobody: what it stops does not leave the process.
  expect(checks).toContainEqual({ name: "tenancy-guard", ok: true });
});
