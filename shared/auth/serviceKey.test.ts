import { describe, expect, it } from "vitest";
import { setClockForTests } from "../clock.ts";
import { type ApiKey, apiKeyKind, scopes } from "../keys/apiKey.ts";
import { credentialText } from "../keys/credential.ts";
import { newSecret, secretHash } from "../protection/oneTimeToken.ts";
import {
  insideBoundaryForTests,
  newTenantId,
  openScopeForTests,
  databaseOfFileForTests,
} from "../tenancy/databaseForTests.ts";
import { newId } from "../tenancy/ids.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { tenantKind, tenantStates } from "../tenants/tenant.ts";
import { authenticate } from "./authenticate.ts";
import { type Permission, may, permissions } from "./permissions.ts";
import { verifyServiceKey } from "./serviceKey.ts";
import { newLink, newTenant } from "./tenantForTests.ts";

insideBoundaryForTests();

const database = databaseOfFileForTests();

const facts = { action: "test", requestId: "request-1" };

interface TestKey {
  readonly id: string;
  readonly secret: string;
  readonly bearer: string;
}

async function newKey(tenant: TenantScope, changes: Partial<ApiKey> = {}): Promise<TestKey> {
  const [id, secret] = [newId("key"), newSecret()];
  const key: ApiKey = {
    name: "Planning",
    scopes: [...scopes],
    expiresAt: new Date(Date.now() + 60_000).toISOString(),
    createdBy: "mbr_0",
    status: "active",
    secretHash: secretHash(secret),
    ...changes,
  };
  await tenant.change().create(apiKeyKind, id, key).record();
  return { id, secret, bearer: credentialText({ tenantId: tenant.tenantId, id, secret }) };
}

/** What the work asks of the database. */
async function requestsOf(work: () => Promise<unknown>): Promise<readonly string[]> {
  const before = database.cosmos.requests.latest;
  await work();
  return database.cosmos.requests.records({ since: before }).map(({ operation }) => operation);
}

async function revoke(tenant: TenantScope, id: string): Promise<void> {
  const key = await tenant.repository.get(apiKeyKind, id);
  await tenant.change().patch(apiKeyKind, key, { status: "revoked" }).record();
}

describe("a service key", () => {
  it("is its tenant's service, for two point reads", async () => {
    const tenant = await newTenant();
    const { id, bearer } = await newKey(tenant);
    const asked = await requestsOf(async () => {
      expect(await verifyServiceKey(bearer)).toMatchObject({
        type: "service",
        id,
        assignedOnly: false,
        key: { id, scopes },
        tenant: { id: tenant.tenantId },
      });
    });
    expect(asked).toEqual(["document.read", "document.read"]);
  });

  it("ends when it says, and at once when it is revoked", async () => {
    const tenant = await newTenant();
    const { id, bearer } = await newKey(tenant);
    setClockForTests(() => new Date(Date.now() + 61_000));
    await expect(verifyServiceKey(bearer)).rejects.toMatchObject({ code: "unauthenticated" });
    setClockForTests();
    await verifyServiceKey(bearer);
    await revoke(tenant, id);
    await expect(verifyServiceKey(bearer)).rejects.toMatchObject({ code: "unauthenticated" });
  });

  it.each(tenantStates.filter((state) => state !== "active"))("waits while its tenant is %s", async (state) => {
    const { bearer } = await newKey(await newTenant(state));
    await expect(verifyServiceKey(bearer)).rejects.toMatchObject({ code: "tenant_suspended" });
  });

  it("of a tenant that is none is nobody's", async () => {
    const { bearer } = await newKey(openScopeForTests());
    await expect(verifyServiceKey(bearer)).rejects.toMatchObject({ code: "tenant_suspended" });
  });

  it("ends at once with its tenant", async () => {
    const tenant = await newTenant();
    const { bearer } = await newKey(tenant);
    await verifyServiceKey(bearer);
    const found = await tenant.repository.get(tenantKind, tenant.tenantId);
    await tenant.change().patch(tenantKind, found, { state: "suspended" }).record();
    await expect(verifyServiceKey(bearer)).rejects.toMatchObject({ code: "tenant_suspended" });
  });

  it("may do what its scopes name, and nothing that no key may", async () => {
    const tenant = await newTenant();
    const every = Object.keys(permissions) as Permission[];
    const allowed = async ({ bearer }: TestKey) => {
      const answers = every.map((permission) =>
        authenticate(bearer, permission, facts).then(
          ({ caller }) => (may(caller, permission) ? permission : "forbidden"),
          (error: unknown) => (error as { code: string }).code,
        ),
      );
      return new Set(await Promise.all(answers));
    };
    for (const scope of scopes)
      expect(await allowed(await newKey(tenant, { scopes: [scope] }))).toEqual(new Set([scope, "forbidden"]));
    // As if somebody had written them past the API.
    expect(await allowed(await newKey(tenant, { scopes: every as ApiKey["scopes"] }))).toEqual(
      new Set([...scopes, "forbidden"]),
    );
  });

  it("acts under its own name, in its tenant's scope", async () => {
    const tenant = await newTenant();
    const { id, bearer } = await newKey(tenant);
    const { holder, open } = await authenticate(bearer, "surveys:read", facts);
    expect(holder).toBe(`${tenant.tenantId}/${id}`);
    expect(open?.()).toMatchObject({ tenantId: tenant.tenantId, actor: { type: "service", id }, ...facts });
  });

  it("writes down the day of its use once, however many use it at once", async () => {
    const tenant = await newTenant();
    const { id, bearer } = await newKey(tenant);
    const use = () => authenticate(bearer, "surveys:read", facts);
    const lastUse = async () => (await tenant.repository.get(apiKeyKind, id)).lastUsedOn;
    await Promise.all([use(), use(), use()]);
    expect(await lastUse()).toBe(new Date().toISOString().slice(0, 10));
    expect(await requestsOf(use)).toEqual(["document.read", "document.read"]);
    const tomorrow = new Date(Date.now() + 86_400_000);
    const next = await newKey(tenant, { expiresAt: "2100-01-01T00:00:00.000Z", lastUsedOn: "2020-01-01" });
    setClockForTests(() => tomorrow);
    expect(await requestsOf(() => authenticate(next.bearer, "surveys:read", facts))).toEqual([
      "document.read",
      "document.read",
      "document.batch",
    ]);
    expect((await tenant.repository.get(apiKeyKind, next.id)).lastUsedOn).toBe(tomorrow.toISOString().slice(0, 10));
  });
});

describe("a forged service key", () => {
  it("is refused alike, whatever is wrong with it", async () => {
    const [tenant, elsewhere] = [await newTenant(), await newTenant()];
    const [own, sibling, foreign] = [await newKey(tenant), await newKey(tenant), await newKey(elsewhere)];
    const link = await newLink(tenant);
    const [revoked, expired] = [
      await newKey(tenant, { status: "revoked" }),
      await newKey(tenant, { expiresAt: new Date(Date.now() - 1).toISOString() }),
    ];
    const { tenantId } = tenant;
    const of = (parts: Partial<Parameters<typeof credentialText>[0]>) => credentialText({ tenantId, ...own, ...parts });
    const forged: readonly (readonly [what: string, bearer: string])[] = [
      ["another secret", of({ secret: newSecret() })],
      ["another key's secret", of({ secret: sibling.secret })],
      ["another key's id", of({ id: sibling.id })],
      ["another tenant's id", of({ tenantId: elsewhere.tenantId })],
      ["another tenant's key", of({ id: foreign.id, secret: foreign.secret })],
      ["a tenant that is none", of({ tenantId: newTenantId() })],
      ["the platform", of({ tenantId: "platform" })],
      ["a key that is none", of({ id: newId("key") })],
      ["the id of the tenant's document", of({ id: tenantId })],
      ["a guest's link", of({ id: link.id, secret: link.token.split(".")[2] ?? "" })],
      ["a path for an id", of({ id: ".." })],
      ["a path for a tenant", of({ tenantId: `../${tenantId}` })],
      ["the hash for a secret", of({ secret: secretHash(own.secret) })],
      ["the hash, cut to a secret's length", of({ secret: secretHash(own.secret).slice(0, 43) })],
      ["the hash in base64", of({ secret: Buffer.from(secretHash(own.secret), "hex").toString("base64url") })],
      ["no secret", of({ secret: "" })],
      ["a secret cut off", of({ secret: own.secret.slice(0, -1) })],
      ["a secret that goes on", of({ secret: `${own.secret}A` })],
      ["a secret in other case", of({ secret: otherCase(own.secret) })],
      ["the same bits in other letters", of({ secret: sameBits(own.secret) })],
      ["another prefix", own.bearer.replace("cpk_", "CPK_")],
      ["no prefix", own.bearer.slice(4)],
      ["the prefix alone", "cpk_"],
      ["a part more", `${own.bearer}.x`],
      ["a revoked one", revoked.bearer],
      ["an expired one", expired.bearer],
    ];
    for (const [what, bearer] of forged)
      await expect(verifyServiceKey(bearer), what).rejects.toMatchObject({
        code: "unauthenticated",
        message: "A valid credential is required",
      });
    await verifyServiceKey(own.bearer);
  });

  it("costs the same whether there is such a key or not", async () => {
    const tenant = await newTenant();
    const { id, secret } = await newKey(tenant);
    for (const parts of [
      { id, secret: newSecret() },
      { id: newId("key"), secret },
    ]) {
      const bearer = credentialText({ tenantId: tenant.tenantId, ...parts });
      const asked = await requestsOf(() => verifyServiceKey(bearer).catch(() => undefined));
      expect(asked).toEqual(["document.read"]);
    }
  });
});

function otherCase(text: string): string {
  return text.replaceAll(/[a-zA-Z]/gu, (letter) =>
    letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
  );
}

/** The last letter of 256 bits in base64url has two bits that say nothing. */
function sameBits(secret: string): string {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const other = secret.slice(0, -1) + letters.charAt(letters.indexOf(secret.at(-1) ?? "") ^ 1);
  expect(Buffer.from(other, "base64url")).toEqual(Buffer.from(secret, "base64url"));
  return other;
}
