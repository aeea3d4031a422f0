import { beforeEach, describe, expect, it } from "vitest";
import { type AccessGrant, type AccessRequest, accessGrantKind, accessRequestKind } from "../access/accessGrant.ts";
import { setClockForTests } from "../clock.ts";
import { protector } from "../protection/protector.ts";
import { boundary, openBoundary } from "../tenancy/boundary.ts";
import {
  databaseOfFileForTests,
  insideBoundaryForTests,
  newTenantId,
  openScopeForTests,
} from "../tenancy/databaseForTests.ts";
import { factKind } from "../tenancy/fact.ts";
import { newId } from "../tenancy/ids.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { tenantKind, tenantStates } from "../tenants/tenant.ts";
import { isAccessSession, openAccessSession, verifyAccessSession } from "./accessSession.ts";
import { authenticate } from "./authenticate.ts";
import { newTenant } from "./tenantForTests.ts";

insideBoundaryForTests();

databaseOfFileForTests();

const facts = { action: "openAccessSession", requestId: "request-1" };
const operatorId = "opr_0";
const noon = Date.parse("2026-03-01T12:00:00.000Z");
const minutes = (count: number) => new Date(noon + count * 60_000).toISOString();
const clock = (time: string) => {
  setClockForTests(() => new Date(time));
};
beforeEach(() => {
  clock(minutes(0));
});

interface Asked {
  readonly tenant: TenantScope;
  readonly request: Entity<AccessRequest>;
}

/** What an operator asked a tenant for, and what became of it there. */
async function asked(grant?: Partial<AccessGrant>, state: (typeof tenantStates)[number] = "active"): Promise<Asked> {
  const [tenant, platform] = [await newTenant(state), openScopeForTests("platform")];
  const id = newId("acg");
  const wish = { surveyId: newId("svy"), reason: "x", until: minutes(60), operatorId };
  const request = { ...wish, subjectTenantId: tenant.tenantId, operationId: newId("op") };
  await platform.change().create(accessRequestKind, id, request).record();
  if (grant !== undefined) {
    const held: AccessGrant = { ...wish, state: "requested", ...grant };
    await tenant.change().create(accessGrantKind, id, held).record();
  }
  return { tenant, request: await platform.repository.get(accessRequestKind, id) };
}

const granted = (until = minutes(60)): Partial<AccessGrant> => ({
  state: "granted",
  grantedBy: "mbr_0",
  grantedUntil: until,
});

async function change({ tenant, request }: Asked, set: Partial<AccessGrant>): Promise<void> {
  const grant = await tenant.repository.get(accessGrantKind, request.id);
  await tenant.change().patch(accessGrantKind, grant, set).record();
}

describe("a session on what a tenant has granted", () => {
  it("is the operator's on that survey, until half an hour is over", async () => {
    const { tenant, request } = await asked(granted());
    const { bearer, expiresAt, surveyId } = await openAccessSession(request, facts);
    expect([expiresAt, surveyId]).toEqual([minutes(30), request.surveyId]);
    expect(bearer).toMatch(new RegExp(`^as\\.${tenant.tenantId}\\.[\\w-]+$`, "u"));
    expect([isAccessSession(bearer), isAccessSession(`gs.${bearer}`), isAccessSession("as")]).toEqual([
      true,
      false,
      false,
    ]);
    const support = { type: "support", id: operatorId, surveyId, assignedOnly: false };
    expect(await verifyAccessSession(bearer)).toEqual({
      ...support,
      tenant: await tenant.repository.get(tenantKind, tenant.tenantId),
    });
    clock(new Date(Date.parse(minutes(30)) - 1).toISOString());
    expect(await verifyAccessSession(bearer)).toMatchObject(support);
    clock(minutes(30));
    await expect(verifyAccessSession(bearer)).rejects.toMatchObject({ code: "unauthenticated" });
  });

  it("ends no later than the grant", async () => {
    const { request } = await asked(granted(minutes(10)));
    const { bearer, expiresAt } = await openAccessSession(request, facts);
    expect(expiresAt).toBe(minutes(10));
    clock(minutes(10));
    await expect(verifyAccessSession(bearer)).rejects.toMatchObject({ code: "unauthenticated" });
  });

  it("lets the run touch the tenant where it is opened and where it is used, and no other", async () => {
    const { tenant, request } = await asked(granted());
    const admittedBy = (work: () => Promise<unknown>) =>
      openBoundary("request-1", async () => {
        await work().catch(() => undefined);
        return [...boundary().admitted];
      });
    const { bearer } = await openAccessSession(request, facts);
    expect(await admittedBy(() => openAccessSession(request, facts))).toEqual([tenant.tenantId]);
    expect(await admittedBy(() => verifyAccessSession(bearer))).toEqual([tenant.tenantId]);
    expect(await admittedBy(() => verifyAccessSession(`${bearer}x`))).toEqual([]);
    const refused = await asked({ state: "refused" });
    expect(await admittedBy(() => openAccessSession(refused.request, facts))).toEqual([]);
  });

  it("is in the tenant's log before anybody has it", async () => {
    const { tenant, request } = await asked(granted());
    await openAccessSession(request, { ...facts, source: "somewhere" });
    expect((await tenant.repository.list(factKind)).items).toMatchObject([
      { ...facts, source: "somewhere", actor: { type: "operator", id: operatorId }, target: request.id, events: [] },
    ]);
  });

  it("acts as the operator in the tenant's scope", async () => {
    const { tenant, request } = await asked(granted());
    const { bearer } = await openAccessSession(request, facts);
    const { caller, holder, tenantId, open } = await authenticate(bearer, "surveys:read", facts);
    expect(caller).toMatchObject({ type: "support", surveyId: request.surveyId });
    expect([holder, tenantId]).toEqual([`${tenant.tenantId}/${operatorId}`, tenant.tenantId]);
    expect(open?.()).toMatchObject({ tenantId, actor: { type: "operator", id: operatorId }, ...facts });
  });

  it.each<[string, Partial<AccessGrant>]>([
    ["is taken back", { state: "revoked" }],
    ["ends early", { grantedUntil: minutes(0) }],
    ["is another operator's", { operatorId: "opr_1" }],
    ["is for another survey", { surveyId: "svy_1" }],
  ])("ends at once where the grant %s", async (_how, set) => {
    const given = await asked(granted());
    const { bearer } = await openAccessSession(given.request, facts);
    await change(given, set);
    await expect(verifyAccessSession(bearer)).rejects.toMatchObject({ code: "unauthenticated" });
  });

  it("ends at once with the grant's document, and with the tenant", async () => {
    const [gone, suspended] = [await asked(granted()), await asked(granted())];
    const bearers = [await openAccessSession(gone.request, facts), await openAccessSession(suspended.request, facts)];
    await gone.tenant
      .change()
      .remove(await gone.tenant.repository.get(accessGrantKind, gone.request.id))
      .record();
    await expect(verifyAccessSession(bearers[0]?.bearer ?? "")).rejects.toMatchObject({ code: "unauthenticated" });
    const { tenant } = suspended;
    const company = await tenant.repository.get(tenantKind, tenant.tenantId);
    await tenant.change().patch(tenantKind, company, { state: "suspended" }).record();
    await expect(verifyAccessSession(bearers[1]?.bearer ?? "")).rejects.toMatchObject({ code: "tenant_suspended" });
    await tenant
      .change()
      .remove(await tenant.repository.get(tenantKind, tenant.tenantId))
      .record();
    await expect(verifyAccessSession(bearers[1]?.bearer ?? "")).rejects.toMatchObject({ code: "tenant_suspended" });
  });
});

describe("no session is opened", () => {
  it.each<[string, Partial<AccessGrant> | undefined, string]>([
    ["nobody has answered yet", {}, "not_granted"],
    ["the tenant does not have the request yet", undefined, "not_granted"],
    ["it is refused", { state: "refused" }, "not_granted"],
    ["it is taken back", { ...granted(), state: "revoked" }, "not_granted"],
    ["it is granted without an end", { state: "granted" }, "not_granted"],
    ["the grant is over", granted(minutes(0)), "expired"],
    ["it was not answered in time", { until: minutes(0) }, "expired"],
  ])("while %s", async (_what, grant, code) => {
    const { tenant, request } = await asked(grant);
    await expect(openAccessSession(request, facts)).rejects.toMatchObject({ code });
    expect((await tenant.repository.list(factKind)).items).toEqual([]);
  });

  it.each(tenantStates.filter((state) => state !== "active"))("while the tenant is %s", async (state) => {
    const { request } = await asked(granted(), state);
    await expect(openAccessSession(request, facts)).rejects.toMatchObject({ code: "tenant_suspended" });
  });

  it("on a tenant that is none", async () => {
    const { request } = await asked();
    const nowhere = { ...request, subjectTenantId: newTenantId() };
    await expect(openAccessSession(nowhere, facts)).rejects.toMatchObject({ code: "tenant_suspended" });
  });
});

describe("a forged session", () => {
  const refused = (bearer: string) =>
    expect(verifyAccessSession(bearer), bearer).rejects.toMatchObject({ code: "unauthenticated" });

  it("is refused under another tenant's name, with another use, or with more or less to it", async () => {
    const { tenant, request } = await asked(granted());
    const other = await newTenant();
    const { bearer } = await openAccessSession(request, facts);
    const payload = bearer.split(".")[2] ?? "";
    const says = { v: 1, grantId: request.id, operatorId, surveyId: request.surveyId, exp: noon + 60_000 };
    const made = (value: object, use = "access-session", tenantId = tenant.tenantId) =>
      protector(tenantId, use).protectJson(value);
    expect(await verifyAccessSession(`as.${tenant.tenantId}.${await made(says)}`)).toMatchObject({ type: "support" });
    for (const text of [
      `as.${other.tenantId}.${payload}`,
      `as.${tenant.tenantId}.${payload}.x`,
      `as.${tenant.tenantId}.${payload}.`,
      `as.nobody.${payload}`,
      "as.",
      `as.${tenant.tenantId}`,
      `as.nobody.${await made(says, "access-session", "nobody")}`,
      `as.${tenant.tenantId}.${await made(says, "guest-session")}`,
      `as.${tenant.tenantId}.${await made({ ...says, v: 3 })}`,
      `as.${tenant.tenantId}.${await made({ ...says, v: -1 })}`,
      `as.${tenant.tenantId}.${await made({ ...says, v: undefined })}`,
      `as.${tenant.tenantId}.${await made({ ...says, exp: noon })}`,
      `as.${tenant.tenantId}.${await made({ ...says, exp: undefined })}`,
      `as.${tenant.tenantId}.${await made({ ...says, grantId: newId("acg") })}`,
      `as.${tenant.tenantId}.${await made({ ...says, operatorId: "opr_1" })}`,
      `as.${tenant.tenantId}.${await made({ ...says, surveyId: newId("svy") })}`,
    ])
      await refused(text);
  });

  it("made by the build before or after this one, with a field more, is opened", async () => {
    const { tenant, request } = await asked(granted());
    const says = { grantId: request.id, operatorId, surveyId: request.surveyId, exp: noon + 60_000, more: "x" };
    for (const v of [0, 2]) {
      const payload = await protector(tenant.tenantId, "access-session").protectJson({ v, ...says });
      expect(await verifyAccessSession(`as.${tenant.tenantId}.${payload}`)).toMatchObject({ type: "support" });
    }
  });

  it.each(["grantId", "operatorId", "surveyId"])(
    "is refused without its %s, before anything is read",
    async (field) => {
      const { tenant, request } = await asked(granted());
      const says = { v: 1, grantId: request.id, operatorId, surveyId: request.surveyId, exp: noon + 60_000 };
      const rest = Object.fromEntries(Object.entries(says).filter(([name]) => name !== field));
      const payload = await protector(tenant.tenantId, "access-session").protectJson(rest);
      await refused(`as.${tenant.tenantId}.${payload}`);
    },
  );

  it("is one thing, and what we have protected badly ourselves another", async () => {
    const { tenantId } = await newTenant();
    const payload = await protector(tenantId, "access-session").protect("no JSON");
    await expect(verifyAccessSession(`as.${tenantId}.${payload}`)).rejects.toThrow(SyntaxError);
  });
});
