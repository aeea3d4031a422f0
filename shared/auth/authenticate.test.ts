import { decodeJwt } from "jose";
import { ulid } from "ulid";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { apiKeyKind } from "../keys/apiKey.ts";
import { credentialText } from "../keys/credential.ts";
import { type Member, type MemberRole, memberId, memberKind, memberRoles } from "../members/member.ts";
import { newSecret, secretHash } from "../protection/oneTimeToken.ts";
import { linkKind } from "../surveys/link.ts";
import { boundary, openBoundary } from "../tenancy/boundary.ts";
import {
  type DatabaseForTests,
  insideBoundaryForTests,
  newTenantId,
  openScopeForTests,
  startDatabaseForTests,
} from "../tenancy/databaseForTests.ts";
import { derivedId, newId } from "../tenancy/ids.ts";
import { type TenantScope, idempotencyKind } from "../tenancy/scope.ts";
import { authenticate, authorize } from "./authenticate.ts";
import { openSession, verifyLink } from "./guestSession.ts";
import { type IssuerForTests, operatorEmail, startIssuerForTests } from "./issuerForTests.ts";
import { type Permission, allows, permissions } from "./permissions.ts";
import { newLink, newTenant } from "./tenantForTests.ts";

insideBoundaryForTests();

let database: DatabaseForTests;
let issuer: IssuerForTests;
beforeAll(async () => {
  database = await startDatabaseForTests();
  issuer = await startIssuerForTests(database.vault);
});
afterAll(async () => {
  await issuer.close();
  await database.close();
});

const facts = { action: "test", requestId: "request-1" };
const every = Object.keys(permissions) as Permission[];
const codeOf = (bearer: string | undefined, permission: Permission) =>
  authenticate(bearer, permission, facts)
    .then(({ caller }) => {
      authorize(caller, permission);
      return "allowed";
    })
    .catch((error: unknown) => (error as { code: string }).code);

async function member(tenant: TenantScope, role: MemberRole, status: "active" | "disabled" = "active") {
  const email = `${ulid().toLowerCase()}@example.com`;
  const token = await issuer.signIn(email, tenant.tenantId);
  const id = memberId(issuer.url, String(decodeJwt(token).sub));
  await tenant.change().create(memberKind, id, { email, role, status }).record();
  return { id, token };
}

async function guest(tenant: TenantScope): Promise<string> {
  return (await openSession(await verifyLink((await newLink(tenant)).token))).bearer;
}

describe("every permission", () => {
  const bearers = new Map<string, string>();
  beforeAll(async () => {
    const tenant = await newTenant();
    for (const role of memberRoles) bearers.set(role, (await member(tenant, role)).token);
    bearers.set("operator", await issuer.signIn(operatorEmail, tenant.tenantId));
    bearers.set("guest", await guest(tenant));
  });

  it.each([...memberRoles, "operator", "guest"] as const)("is for the roles that have it: %s", async (role) => {
    for (const permission of every) {
      const person = permission === "invitation:accept" && role !== "guest";
      const allowed = person || allows(permission, role);
      expect(await codeOf(bearers.get(role), permission), permission).toBe(allowed ? "allowed" : "forbidden");
    }
  });

  it("needs one that is true before it matters what it may do", async () => {
    await expect(authenticate("gs.tnt_made.up-by-somebody", "surveys:read", facts)).rejects.toMatchObject({
      code: "unauthenticated",
    });
  });

  it.each([
    ["replaced", "link_replaced"],
    ["closed", "link_expired"],
  ] as const)("is for no guest whose link is %s, who is told so where links are used", async (status, code) => {
    const tenant = await newTenant();
    const { id, token } = await newLink(tenant);
    const { bearer } = await openSession(await verifyLink(token));
    const link = await tenant.repository.get(linkKind, id);
    await tenant.change().patch(linkKind, link, { status }).record();
    for (const permission of every) {
      const told = allows(permission, "guest") ? code : "forbidden";
      expect(await codeOf(bearer, permission), permission).toBe(told);
    }
  });

  it("needs a credential, but the public one", async () => {
    for (const permission of every) {
      expect(await codeOf(undefined, permission)).toBe("unauthenticated");
      expect(await codeOf("x".repeat(40), permission)).toBe("unauthenticated");
    }
    expect(await authenticate(undefined, "public", facts)).toEqual({ caller: { type: "public" }, holder: "public" });
  });
});

describe("a member", () => {
  it("is who the tenant's own document says, in that tenant's scope, for two point reads", async () => {
    const tenant = await newTenant();
    const { id, token } = await member(tenant, "surveyor");
    const before = database.cosmos.requests.latest;
    const { caller, holder, open } = await authenticate(token, "surveys:read", facts);
    expect(database.cosmos.requests.records({ since: before })).toMatchObject([
      { operation: "document.read", partitionKey: JSON.stringify([tenant.tenantId]) },
      { operation: "document.read", partitionKey: JSON.stringify([tenant.tenantId]) },
    ]);
    expect(caller).toMatchObject({ type: "member", id, role: "surveyor", assignedOnly: true });
    expect(holder).toBe(`${tenant.tenantId}/${id}`);
    expect(open?.()).toMatchObject({ tenantId: tenant.tenantId, actor: { type: "member", id }, ...facts });
  });

  it.each(memberRoles)("sees what is assigned to others, unless that is a surveyor: %s", async (role) => {
    const { token } = await member(await newTenant(), role);
    const { caller } = await authenticate(token, "surveys:read", facts);
    expect(caller).toMatchObject({ role, assignedOnly: role === "surveyor" });
  });

  it("does with an Idempotency-Key what a change does with it", async () => {
    const tenant = await newTenant();
    const { token } = await member(tenant, "owner");
    const idempotency = { id: derivedId("idem", newId("cmt")), body: "b" };
    const { open } = await authenticate(token, "surveys:read", facts);
    await open?.(idempotency).change().commit({ target: tenant.tenantId });
    expect(await tenant.repository.get(idempotencyKind, idempotency.id)).toMatchObject({ body: "b" });
  });

  it("of one tenant is nobody in another, whatever the token says", async () => {
    const [own, other] = [await newTenant(), await newTenant()];
    const { id } = await member(own, "owner");
    const email = (await own.repository.get(memberKind, id)).email;
    expect(await codeOf(await issuer.signIn(email, other.tenantId), "tenant:read")).toBe("forbidden");
    for (const tenant of ["platform", newTenantId(), "tnt_1", "x"])
      expect(await codeOf(await issuer.signIn(email, tenant), "tenant:read")).toBe("forbidden");
  });

  it("of a tenant that is none is looked for nowhere, and nobody is the platform's", async () => {
    const email = `${ulid().toLowerCase()}@example.com`;
    const platform = openScopeForTests("platform");
    const nobodys: Member = { email, role: "owner", status: "active" };
    const token = await issuer.signIn(email, "platform");
    const id = memberId(issuer.url, String(decodeJwt(token).sub));
    await platform.change().create(memberKind, id, nobodys).record();
    const before = database.cosmos.requests.latest;
    for (const bearer of [token, await issuer.signIn(email, "tnt_1"), await issuer.signIn(email)])
      expect(await codeOf(bearer, "tenant:read")).toBe("forbidden");
    expect(database.cosmos.requests.latest).toBe(before);
  });

  it("who is disabled, or not of any tenant, is refused", async () => {
    const { token } = await member(await newTenant(), "owner", "disabled");
    expect(await codeOf(token, "tenant:read")).toBe("forbidden");
    const nobody = await issuer.signIn(`${ulid().toLowerCase()}@example.com`);
    expect(await codeOf(nobody, "tenant:read")).toBe("forbidden");
    expect(await codeOf((await member(openScopeForTests(), "owner")).token, "tenant:read")).toBe("forbidden");
  });

  it.each(["provisioning", "suspended", "offboarding", "deleted"] as const)(
    "waits while its tenant is %s",
    async (state) => {
      const { token } = await member(await newTenant(state), "owner");
      expect(await codeOf(token, "tenant:read")).toBe("tenant_suspended");
    },
  );
});

describe("an operator", () => {
  it("works in the platform's scope, without a look at any tenant", async () => {
    const token = await issuer.signIn(operatorEmail, (await newTenant()).tenantId);
    const before = database.cosmos.requests.latest;
    const { caller, open } = await authenticate(token, "tenants:manage", facts);
    expect(database.cosmos.requests.latest).toBe(before);
    expect(caller).toMatchObject({ type: "operator", id: expect.stringMatching(/^opr_[0-9a-f]{40}$/u) as string });
    expect(open?.()).toMatchObject({ tenantId: "platform" });
  });
});

describe("somebody who is signed in", () => {
  it("may bring an invitation, and has no tenant by that", async () => {
    const token = await issuer.signIn("anna@example.com", "tnt_1");
    const authenticated = await authenticate(token, "invitation:accept", facts);
    expect(authenticated.caller).toEqual({
      type: "person",
      issuer: issuer.url,
      subject: String(decodeJwt(token).sub),
    });
    expect(authenticated.open).toBeUndefined();
  });
});

it("lets the run touch the tenant of the credential and no other, and none where there is no valid one", async () => {
  const tenant = await newTenant();
  const admittedBy = (bearer: string) =>
    openBoundary("request-1", async () => {
      await authenticate(bearer, "operations:read", facts).catch(() => undefined);
      return [...boundary().admitted];
    });
  const secret = newSecret();
  const key = { name: "x", scopes: [], expiresAt: "2999", createdBy: "x", status: "active" } as const;
  const keyId = newId("key");
  await tenant
    .change()
    .create(apiKeyKind, keyId, { ...key, secretHash: secretHash(secret) })
    .record();
  const { tenantId } = tenant;
  for (const bearer of [
    (await member(tenant, "owner")).token,
    await guest(tenant),
    credentialText({ tenantId, id: keyId, secret }),
  ])
    expect(await admittedBy(bearer)).toEqual([tenantId]);
  expect(await admittedBy(await issuer.signIn(operatorEmail, tenantId))).toEqual(["platform"]);
  for (const bearer of [
    (await member(tenant, "owner", "disabled")).token,
    (await member(await newTenant("suspended"), "owner")).token,
    await issuer.signIn("nobody@example.com", tenantId),
    credentialText({ tenantId, id: keyId, secret: newSecret() }),
    `${await guest(tenant)}x`,
  ])
    expect(await admittedBy(bearer)).toEqual([]);
});

it("keeps one idempotency record's holder apart from another's", async () => {
  const [one, other] = [await newTenant(), await newTenant()];
  const holders = await Promise.all(
    [
      (await member(one, "owner")).token,
      (await member(one, "owner")).token,
      (await member(other, "owner")).token,
      await issuer.signIn(operatorEmail),
    ].map(async (token) => (await authenticate(token, "operations:read", facts)).holder),
  );
  expect(new Set(holders).size).toBe(4);
});
