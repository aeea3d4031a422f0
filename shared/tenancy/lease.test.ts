import { expect, it } from "vitest";
import { insideBoundaryForTests, openScopeForTests, databaseOfFileForTests } from "./databaseForTests.ts";
import type { Entity } from "./kind.ts";
import { type Lease, LeaseLost, leaseId, leaseKind, ownLease, renewLease } from "./lease.ts";
import type { TenantScope } from "./scope.ts";

insideBoundaryForTests();

const database = databaseOfFileForTests();

const lease: Lease = { subject: "vid_1", owner: "a", until: "2026-01-01T00:00:00.000Z", progress: 0 };
const renewal = { until: "2027-01-01T00:00:00.000Z", progress: 0.5 };

async function taken(tenant: TenantScope): Promise<Entity<Lease>> {
  await tenant.change().create(leaseKind, leaseId(lease.subject), lease).record();
  return await tenant.repository.get(leaseKind, leaseId(lease.subject));
}

async function takenOver(tenant: TenantScope, held: Entity<Lease>): Promise<void> {
  const now = await tenant.repository.get(leaseKind, held.id);
  await tenant
    .change()
    .replace(leaseKind, now, { ...lease, owner: "b" })
    .record();
}

const plan = (tenant: TenantScope, fault: { status: number | "reset"; after?: boolean; times?: number }) => {
  database.cosmos.faults.add({
    operation: "document.batch",
    partitionKey: JSON.stringify([tenant.tenantId]),
    ...fault,
  });
};

it("is renewed as often as its owner asks, and is then as the database has it", async () => {
  const tenant = openScopeForTests();
  const first = await renewLease(tenant, await taken(tenant), renewal);
  expect(first).toMatchObject({ subject: "vid_1", owner: "a", ...renewal });
  expect(await tenant.repository.get(leaseKind, first.id)).toEqual(first);
  const second = await renewLease(tenant, first, { ...renewal, progress: 0.75 });
  expect(await ownLease(tenant, first)).toEqual(second);
  expect(second).toMatchObject({ progress: 0.75, createdAt: first.createdAt });
});

it("is lost to who took it over, and cannot be renewed any more", async () => {
  const tenant = openScopeForTests();
  const held = await taken(tenant);
  await takenOver(tenant, held);
  await expect(renewLease(tenant, held, renewal)).rejects.toBeInstanceOf(LeaseLost);
  await expect(ownLease(tenant, held)).rejects.toMatchObject({ name: "LeaseLost" });
  expect(await tenant.repository.get(leaseKind, held.id)).toMatchObject({ owner: "b", progress: 0 });
});

it("is lost once it is ended", async () => {
  const tenant = openScopeForTests();
  const held = await taken(tenant);
  await tenant.change().remove(held).record();
  await expect(renewLease(tenant, held, renewal)).rejects.toBeInstanceOf(LeaseLost);
  await expect(ownLease(tenant, held)).rejects.toBeInstanceOf(LeaseLost);
});

it("is still the owner's after a renewal whose answer was lost, as it is now", async () => {
  const tenant = openScopeForTests();
  const held = await taken(tenant);
  plan(tenant, { status: "reset", after: true });
  const renewed = await renewLease(tenant, held, renewal);
  expect(renewed).toMatchObject({ owner: "a", ...renewal });
  expect(renewed.etag).not.toBe(held.etag);
});

it("is nobody's to call lost while the database does not answer", async () => {
  const tenant = openScopeForTests();
  const held = await taken(tenant);
  plan(tenant, { status: 503, times: 4 });
  await expect(renewLease(tenant, held, renewal)).rejects.toMatchObject({ code: "unavailable" });
});

it("is one for its subject", () => {
  expect(leaseId("vid_1")).toBe(leaseId("vid_1"));
  expect(leaseId("vid_1")).not.toBe(leaseId("vid_2"));
  expect(leaseId("vid_1")).toMatch(/^lse_[0-9a-f]{40}$/u);
});
