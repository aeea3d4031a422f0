import { describe, expect, it } from "vitest";
import { protector } from "../protection/protector.ts";
import { cursorsOf } from "./cursor.ts";
import { databaseOfFileForTests, newTenantId } from "./databaseForTests.ts";

databaseOfFileForTests();

const [tenant, other] = [newTenantId(), newTenantId()];
const cursors = (tenantId: string, ...query: readonly unknown[]) =>
  cursorsOf((use) => protector(tenantId, use), ...query);
const place = ["2026-01-01", "svy_1"];

describe("a cursor", () => {
  it("gives its place back to the same query of its tenant", async () => {
    const cursor = await cursors(tenant, "survey", { state: "open" }).make(place);
    expect(await cursors(tenant, "survey", { state: "open" }).open(cursor)).toEqual(place);
  });

  it.each<[string, ReturnType<typeof cursors>]>([
    ["another tenant", cursors(other, "survey", "open")],
    ["another kind", cursors(tenant, "link", "open")],
    ["another filter", cursors(tenant, "survey", "sent")],
    ["less of the query", cursors(tenant, "survey")],
    ["more of the query", cursors(tenant, "survey", "open", "x")],
    ["the same words cut elsewhere", cursors(tenant, "survey,open")],
    ["no query", cursors(tenant)],
  ])("is none of %s", async (_whose, others) => {
    const cursor = await cursors(tenant, "survey", "open").make(place);
    await expect(others.open(cursor)).rejects.toMatchObject({ code: "invalid_cursor" });
    await expect(cursors(tenant, "survey", "open").open(await others.make(place))).rejects.toMatchObject({
      code: "invalid_cursor",
    });
  });

  it("is nothing that was protected for the tenant and another use", async () => {
    const sessions = protector(tenant, "guest-session");
    await expect(cursors(tenant, "survey").open(await sessions.protectJson(place))).rejects.toMatchObject({
      code: "invalid_cursor",
    });
    const cursor = await cursors(tenant, "survey").make(place);
    for (const use of ["cursor", "cursor:", "guest-session"])
      await expect(protector(tenant, use).unprotectJson(cursor)).rejects.toThrow();
  });

  it("that we have made badly ourselves is no mistake of who brings it", async () => {
    let made = protector(tenant, "none");
    const ours = cursorsOf((use) => (made = protector(tenant, use)));
    await expect(ours.open(await made.protect("no JSON"))).rejects.toThrow(SyntaxError);
  });
});
