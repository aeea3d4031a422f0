import { describe, expect, it } from "vitest";
import { setClockForTests } from "../clock.ts";
import { type Invitation, invitationKind, memberId } from "../members/member.ts";
import { newSecret, secretHash, tokenText } from "../protection/oneTimeToken.ts";
import { boundary, openBoundary } from "../tenancy/boundary.ts";
import { databaseOfFileForTests, insideBoundaryForTests, newTenantId } from "../tenancy/databaseForTests.ts";
import { newId } from "../tenancy/ids.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import type { PersonCaller } from "./caller.ts";
import { verifyInvitation } from "./invitation.ts";
import { newLink, newTenant } from "./tenantForTests.ts";

insideBoundaryForTests();

const database = databaseOfFileForTests();

const person: PersonCaller = { type: "person", issuer: "https://login.example.com", subject: "somebody" };
const facts = { action: "acceptInvitation", requestId: "request-1" };
const end = "2030-01-01T00:00:00.000Z";

/** An invitation to the tenant, with its token. */
async function invited(tenant: TenantScope, changes: Partial<Invitation> = {}) {
  const [id, secret] = [newId("inv"), newSecret()];
  const invitation: Invitation = {
    email: "anna@example.com",
    role: "surveyor",
    status: "open",
    secretHash: secretHash(secret),
    expiresAt: end,
    ...changes,
  };
  await tenant.change().create(invitationKind, id, invitation).record();
  return { id, secret, token: tokenText({ tenantId: tenant.tenantId, id, secret }) };
}

const held = (token: string) => verifyInvitation(token, person, facts);
const failing = async (token: string, code: string) => {
  await expect(held(token), token).rejects.toMatchObject({ code });
};

describe("an invitation's token", () => {
  it("opens the tenant that it names, to the person alone, for one point read", async () => {
    const tenant = await newTenant();
    const { id, token } = await invited(tenant);
    const { latest } = database.cosmos.requests;
    await openBoundary("request-1", async () => {
      const found = await held(token);
      expect(database.cosmos.requests.records({ since: latest })).toMatchObject([
        { operation: "document.read", partitionKey: JSON.stringify([tenant.tenantId]), id },
      ]);
      const member = memberId(person.issuer, person.subject);
      expect(found.memberId).toBe(member);
      expect(found.tenant).toMatchObject({
        ...facts,
        tenantId: tenant.tenantId,
        actor: { type: "person", id: member },
      });
      expect(found.invitation).toEqual(await found.tenant.repository.get(invitationKind, id));
      expect([...boundary().admitted]).toEqual([tenant.tenantId]);
    });
  });

  it("holds until its time, and is over then for who holds it", async () => {
    const { token } = await invited(await newTenant());
    setClockForTests(() => new Date(Date.parse(end) - 1));
    await expect(held(token)).resolves.toBeDefined();
    setClockForTests(() => new Date(end));
    await failing(token, "expired");
  });

  it("is told to be over to nobody else", async () => {
    const tenant = await newTenant();
    const { id } = await invited(tenant, { expiresAt: "2020-01-01T00:00:00.000Z" });
    await failing(tokenText({ tenantId: tenant.tenantId, id, secret: newSecret() }), "invitation_invalid");
  });

  it("that was accepted is still its holder's, whenever it ended, and one that was revoked nobody's", async () => {
    const tenant = await newTenant();
    const past = "2020-01-01T00:00:00.000Z";
    const accepted = await invited(tenant, { status: "accepted", expiresAt: past, acceptedBy: "mbr_0" });
    expect((await held(accepted.token)).invitation).toMatchObject({ id: accepted.id, status: "accepted" });
    await failing((await invited(tenant, { status: "revoked" })).token, "invitation_invalid");
    await failing((await invited(tenant, { status: "revoked", expiresAt: past })).token, "invitation_invalid");
  });

  it("is refused alike, whatever is wrong with it, and admits nobody", async () => {
    const [tenant, elsewhere] = [await newTenant(), await newTenant()];
    const [own, foreign] = [await invited(tenant), await invited(elsewhere)];
    const link = await newLink(tenant);
    const { tenantId } = tenant;
    const of = (parts: object) => tokenText({ tenantId, ...own, ...parts });
    const wrong = [
      "",
      `${own.token}.x`,
      of({ secret: newSecret() }),
      of({ id: newId("inv") }),
      of({ id: foreign.id }),
      of({ tenantId: elsewhere.tenantId }),
      of({ tenantId: newTenantId() }),
      of({ tenantId: "platform" }),
      of({ tenantId: "nobody" }),
      of({ id: ".." }),
      of({ secret: secretHash(own.secret).slice(0, 43) }),
      link.token,
    ];
    await openBoundary("request-1", async () => {
      for (const token of wrong) await failing(token, "invitation_invalid");
      expect(boundary().admitted.size).toBe(0);
    });
  });
});
