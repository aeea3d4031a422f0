import { expect, it } from "vitest";
import { Problem } from "../web/problem.ts";
import { counterId } from "./counter.ts";
import { counting } from "./counting.ts";
import { insideBoundaryForTests, openScopeForTests, databaseOfFileForTests } from "./databaseForTests.ts";
import { defineKind } from "./kind.ts";
import type { TenantScope } from "./scope.ts";

insideBoundaryForTests();

databaseOfFileForTests();

const counterKind = defineKind<{ readonly value: number }>("counter", {
  schemaVersion: 1,
  fields: { value: "technical" },
});
const valueOf = async (tenant: TenantScope) => (await tenant.repository.find(counterKind, counterId("notes")))?.value;
const add = (tenant: TenantScope) => () => tenant.change().count("notes", 1).record();
const never = () => Promise.reject(new Error("nobody should have counted"));

it("adds to a counter that is there, without counting anew", async () => {
  const tenant = openScopeForTests();
  await tenant.change().startCounter("notes", 5).record();
  await counting(tenant, "notes", never, add(tenant));
  expect(await valueOf(tenant)).toBe(6);
});

it("starts a counter that is not there with what exists, and adds to it", async () => {
  const tenant = openScopeForTests();
  await counting(tenant, "notes", () => Promise.resolve(3), add(tenant));
  expect(await valueOf(tenant)).toBe(4);
});

it("adds each once where several find no counter at once", async () => {
  const tenant = openScopeForTests();
  const existing = () => Promise.resolve(10);
  await Promise.all(Array.from({ length: 5 }, () => counting(tenant, "notes", existing, add(tenant))));
  expect(await valueOf(tenant)).toBe(15);
});

it("gives what the work gives, and throws what else it or the counting throws", async () => {
  const tenant = openScopeForTests();
  await expect(counting(tenant, "notes", never, () => Promise.resolve("done"))).resolves.toBe("done");
  const problem = new Problem("not_found");
  await expect(counting(tenant, "notes", never, () => Promise.reject(problem))).rejects.toBe(problem);
  expect(await valueOf(tenant)).toBeUndefined();
  await expect(counting(tenant, "notes", never, add(tenant))).rejects.toThrow("nobody should have counted");
  expect(await valueOf(tenant)).toBeUndefined();
});
