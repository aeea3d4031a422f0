import type { OperationInput } from "@azure/cosmos";
import { describe, expect, it } from "vitest";
import { BatchRefused, sendBatch } from "./batch.ts";
import { boundary } from "./boundary.ts";
import { insideBoundaryForTests, newTenantId, openScopeForTests, databaseOfFileForTests } from "./databaseForTests.ts";
import { defineKind } from "./kind.ts";
import type { TenantScope } from "./scope.ts";

insideBoundaryForTests();

const database = databaseOfFileForTests();

const noteKind = defineKind<object>("note", { schemaVersion: 1, fields: {} });
const at = "2026-01-01T00:00:00.000Z";
const item = (tenantId: string, id: string) => ({
  ...{ id, tenantId, kind: "note", schemaVersion: 1 },
  ...{ createdAt: at, updatedAt: at },
});
const create = (tenantId: string, id: string): OperationInput => ({
  operationType: "Create",
  resourceBody: item(tenantId, id),
});
const etagOf = async (tenant: TenantScope, id: string) => (await tenant.repository.get(noteKind, id)).etag;

/** A batch that writes, reads and deletes, and the tenant it is of. */
async function mixed() {
  const tenant = openScopeForTests();
  const { tenantId } = tenant;
  await sendBatch(
    tenantId,
    ["old", "replaced", "patched", "gone"].map((id) => create(tenantId, id)),
  );
  const operations: OperationInput[] = [
    create(tenantId, "new"),
    { operationType: "Read", id: "old" },
    { operationType: "Replace", id: "replaced", resourceBody: item(tenantId, "replaced") },
    {
      operationType: "Patch",
      id: "patched",
      resourceBody: { operations: [{ op: "set", path: "/updatedAt", value: at }] },
    },
    { operationType: "Upsert", resourceBody: item(tenantId, "upserted") },
    { operationType: "Delete", id: "gone" },
  ];
  return { tenant, tenantId, operations };
}
const minute = 60_000;
const written = ["new", "replaced", "patched", "upserted"];

const lose = (tenantId: string, delayMs?: number) => {
  database.cosmos.faults.add({
    ...{ operation: "document.batch", partitionKey: JSON.stringify([tenantId]), status: "reset", after: true },
    ...(delayMs !== undefined && { delayMs }),
  });
};

describe("a batch", () => {
  it("gives the versions of what it wrote, and of nothing that it read or deleted", async () => {
    const { tenant, tenantId, operations } = await mixed();
    const versions = await sendBatch(tenantId, operations);
    expect([...versions.keys()].sort()).toEqual([...written].sort());
    for (const id of written) expect(versions.get(id)).toBe(await etagOf(tenant, id));
  });

  it("whose answer was lost gives the same, if its proof is there", async () => {
    const { tenant, tenantId, operations } = await mixed();
    lose(tenantId);
    const versions = await sendBatch(tenantId, operations, { id: "new", at });
    expect([...versions.keys()].sort()).toEqual([...written].sort());
    for (const id of written) expect(versions.get(id)).toBe(await etagOf(tenant, id));
  });

  it("names no version of its own for what others wrote or deleted since", async () => {
    const { tenant, tenantId, operations } = await mixed();
    lose(tenantId, minute);
    const sending = sendBatch(tenantId, operations, { id: "new", at });
    await expect.poll(() => tenant.repository.find(noteKind, "new"), { timeout: minute }).toBeDefined();
    for (const id of ["replaced", "upserted"]) {
      const found = await tenant.repository.get(noteKind, id);
      if (id === "replaced") await tenant.change().replace(noteKind, found, {}).record();
      else await tenant.change().remove(found).record();
    }
    database.cosmos.faults.clear();
    const versions = await sending;
    expect(versions.get("new")).toBe(await etagOf(tenant, "new"));
    for (const id of ["replaced", "upserted"]) expect(versions.get(id)).toBe('"overwritten"');
  });

  it("whose answer was lost fails as its repeat does, if there is no proof", async () => {
    const { tenantId, operations } = await mixed();
    lose(tenantId);
    const failed = expect(sendBatch(tenantId, operations)).rejects;
    await failed.toMatchObject({ name: "BatchRefused", index: 0, status: 409 });
    await failed.toBeInstanceOf(BatchRefused);
    lose(tenantId);
    const again = operations.map((operation) =>
      operation.operationType === "Create" ? create(tenantId, "x") : operation,
    );
    await expect(sendBatch(tenantId, again, { id: "elsewhere", at })).rejects.toBeInstanceOf(BatchRefused);
  });

  it("tells which operation failed, and how", async () => {
    const tenant = openScopeForTests();
    const operations = [create(tenant.tenantId, "a"), create(tenant.tenantId, "b"), create(tenant.tenantId, "a")];
    await expect(sendBatch(tenant.tenantId, operations)).rejects.toMatchObject({
      ...{ index: 2, status: 409, message: "operation 2 of a batch failed with 409" },
    });
    expect(await tenant.repository.find(noteKind, "a")).toBeUndefined();
  });

  it.each([429, 449])("is sent again while one of its operations is in somebody's way: %i", async (status) => {
    const { tenantId } = openScopeForTests();
    const inTheWay = { operation: "document.batch", partitionKey: JSON.stringify([tenantId]), status, batchIndex: 1 };
    const send = () => sendBatch(tenantId, [create(tenantId, "a"), create(tenantId, "b")]);
    const { latest } = database.cosmos.requests;
    const sent = () => database.cosmos.requests.latest - latest;
    database.cosmos.faults.add({ ...inTheWay, times: 4 });
    await expect(send()).rejects.toMatchObject({ code: "unavailable", details: { retryAfter: 1 } });
    expect(sent()).toBe(4);
    database.cosmos.faults.add({ ...inTheWay, times: 3 });
    expect([...(await send()).keys()]).toEqual(["a", "b"]);
    expect(sent()).toBe(8);
  });

  it("that the guard stops is sent once, and its refusal is no outage", async () => {
    const before = boundary().counts.refused;
    const stranger = newTenantId();
    await expect(sendBatch(stranger, [create(stranger, "a")])).rejects.not.toHaveProperty("code", "unavailable");
    expect(boundary().counts.refused).toBe(before + 1);
  });
});
