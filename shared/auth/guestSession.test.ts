import { describe, expect, it } from "vitest";
import { setClockForTests } from "../clock.ts";
import { newSecret } from "../protection/oneTimeToken.ts";
import { protector } from "../protection/protector.ts";
import { linkKind } from "../surveys/link.ts";
import {
  insideBoundaryForTests,
  newTenantId,
  openScopeForTests,
  databaseOfFileForTests,
} from "../tenancy/databaseForTests.ts";
import { newId } from "../tenancy/ids.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { tenantKind } from "../tenants/tenant.ts";
import { openSession, verifyLink, verifySession } from "./guestSession.ts";
import { newLink, newTenant } from "./tenantForTests.ts";

insideBoundaryForTests();

const database = databaseOfFileForTests();

const later = (minutes: number) => {
  const at = Date.now() + minutes * 60_000;
  setClockForTests(() => new Date(at));
};

async function change(tenant: TenantScope, id: string, status: "replaced" | "closed"): Promise<void> {
  const link = await tenant.repository.get(linkKind, id);
  await tenant.change().patch(linkKind, link, { status }).record();
}

async function suspend(tenant: TenantScope): Promise<void> {
  const found = await tenant.repository.get(tenantKind, tenant.tenantId);
  await tenant.change().patch(tenantKind, found, { state: "suspended" }).record();
}

describe("a link's token", () => {
  it("names its guest, with two point reads", async () => {
    const tenant = await newTenant();
    const { id, token } = await newLink(tenant);
    const before = database.cosmos.requests.latest;
    expect(await verifyLink(token)).toMatchObject({ type: "guest", id, tenant: { id: tenant.tenantId } });
    const asked = database.cosmos.requests.records({ since: before });
    expect(asked.map(({ operation }) => operation)).toEqual(["document.read", "document.read"]);
  });

  it("ends at the time that its link has, not later", async () => {
    const expiresAt = "2030-01-01T00:00:00.000Z";
    const { token } = await newLink(await newTenant(), { expiresAt });
    setClockForTests(() => new Date(Date.parse(expiresAt) - 1));
    await expect(verifyLink(token)).resolves.toMatchObject({ type: "guest" });
    setClockForTests(() => new Date(expiresAt));
    await expect(verifyLink(token)).rejects.toMatchObject({ code: "link_expired" });
  });

  it("is refused alike and with the same requests, whatever is wrong with it", async () => {
    const tenant = await newTenant();
    const { id, token } = await newLink(tenant);
    const foreign = await newLink(await newTenant());
    const secret = newSecret();
    const [tenantId, own] = [tenant.tenantId, token.split(".")[2] ?? ""];
    const wrong = [
      `${tenantId}.${id}.${secret}`,
      `${tenantId}.${newId("lnk")}.${own}`,
      `${newTenantId()}.${id}.${own}`,
      `${tenantId}.${tenantId}.${own}`,
      `platform.${id}.${own}`,
      `${tenantId}.${foreign.token.split(".").slice(1).join(".")}`,
    ];
    for (const text of wrong) {
      const before = database.cosmos.requests.latest;
      await expect(verifyLink(text), text).rejects.toMatchObject({ code: "link_invalid", details: {} });
      expect(database.cosmos.requests.records({ since: before })).toHaveLength(1);
    }
  });

  it("of a tenant that is none is nobody's", async () => {
    const { token } = await newLink(openScopeForTests());
    await expect(verifyLink(token)).rejects.toMatchObject({ code: "tenant_suspended" });
  });

  it("that is none never reaches the database", async () => {
    const { tenantId } = await newTenant();
    const [id, secret] = [newId("lnk"), newSecret()];
    const before = database.cosmos.requests.latest;
    const none = [
      "",
      "..",
      `${tenantId}.${id}.`,
      `${tenantId}...${secret}`,
      `${tenantId}.../...${secret}`,
      `${tenantId}.a/b.${secret}`,
      `${tenantId}.a#b.${secret}`,
      `${tenantId}.${"a".repeat(100)}.${secret}`,
      `${tenantId}.${id}.${secret}.x`,
      `${tenantId}.${id}.${secret}x`,
      `tnt_1.${id}.${secret}`,
      `${tenantId}\n.${id}.${secret}`,
    ];
    for (const text of none) await expect(verifyLink(text), text).rejects.toMatchObject({ code: "link_invalid" });
    expect(database.cosmos.requests.latest).toBe(before);
  });

  it("tells only its holder why it ended", async () => {
    const tenant = await newTenant();
    const [replaced, closed, old] = [
      await newLink(tenant, { status: "replaced" }),
      await newLink(tenant, { status: "closed" }),
      await newLink(tenant, { expiresAt: new Date(Date.now() - 1).toISOString() }),
    ];
    await expect(verifyLink(replaced.token)).rejects.toMatchObject({ code: "link_replaced" });
    for (const { token, id } of [closed, old]) {
      await expect(verifyLink(token)).rejects.toMatchObject({ code: "link_expired" });
      const guessed = `${tenant.tenantId}.${id}.${newSecret()}`;
      await expect(verifyLink(guessed)).rejects.toMatchObject({ code: "link_invalid" });
    }
  });
});

describe("a session", () => {
  async function opened() {
    const tenant = await newTenant();
    const { id, token } = await newLink(tenant);
    return { tenant, id, ...(await openSession(await verifyLink(token))) };
  }
  const refused = (bearer: string) =>
    expect(verifySession(bearer), bearer).rejects.toMatchObject({ code: "unauthenticated" });

  it("is its link's guest for half an hour", async () => {
    const { bearer, id, tenant } = await opened();
    expect(await verifySession(bearer)).toMatchObject({ type: "guest", id, tenant: { id: tenant.tenantId } });
    later(29);
    expect(await verifySession(bearer)).toMatchObject({ id });
    later(31);
    await refused(bearer);
  });

  it("ends at once with its link and with its tenant", async () => {
    const [replaced, closed, suspended] = [await opened(), await opened(), await opened()];
    await change(replaced.tenant, replaced.id, "replaced");
    await expect(verifySession(replaced.bearer)).rejects.toMatchObject({ code: "link_replaced" });
    await change(closed.tenant, closed.id, "closed");
    await expect(verifySession(closed.bearer)).rejects.toMatchObject({ code: "link_expired" });
    await suspend(suspended.tenant);
    await expect(verifySession(suspended.bearer)).rejects.toMatchObject({ code: "tenant_suspended" });
  });

  it("is worth nothing changed, or under another tenant's name", async () => {
    const [one, other] = [await opened(), await opened()];
    const [, tenantId = "", payload = ""] = one.bearer.split(".");
    expect(`gs.${tenantId}.${payload}`).toBe(one.bearer);
    const bytes = Buffer.from(payload, "base64url");
    for (const at of bytes.keys()) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8((bytes[at] ?? 0) ^ 0x80, at);
      await refused(`gs.${tenantId}.${changed.toString("base64url")}`);
    }
    for (const text of [
      `gs.${other.tenant.tenantId}.${payload}`,
      `gs.platform.${payload}`,
      `gs..${payload}`,
      `gs.${tenantId}.`,
      `gs.${tenantId}.${payload}.`,
      `gs.${tenantId}.${payload}=`,
      `gs.${tenantId}`,
      "gs.",
    ])
      await refused(text);
  });

  it("is nothing else that was protected for the tenant", async () => {
    const { tenantId } = await newTenant();
    const other = await protector(tenantId, "link-token").protectJson({ v: 1, linkId: newId("lnk"), exp: 9e15 });
    await refused(`gs.${tenantId}.${other}`);
    const sessions = protector(tenantId, "guest-session");
    for (const strange of [
      {},
      { v: 1, exp: 9e15 },
      { v: 2, linkId: newId("lnk"), exp: 9e15 },
      { v: 1, linkId: newId("lnk"), exp: 9e15 },
    ])
      await refused(`gs.${tenantId}.${await sessions.protectJson(strange)}`);
  });
});
