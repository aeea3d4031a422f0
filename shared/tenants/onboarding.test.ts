import { ulid } from "ulid";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { verifyInvitation } from "../auth/invitation.ts";
import { now, setClockForTests } from "../clock.ts";
import { sendMail } from "../mail/sendMail.ts";
import { acceptInvitation } from "../members/acceptInvitation.ts";
import { inviteMember } from "../members/inviteMember.ts";
import { type Invitation, invitationKind, memberKind } from "../members/member.ts";
import { operationKind } from "../operations/operation.ts";
import { containerClient } from "../storage/accounts.ts";
import { tenantContainer } from "../storage/containers.ts";
import { insideBoundaryForTests } from "../tenancy/databaseForTests.ts";
import { factKind } from "../tenancy/fact.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import {
  type PlatformForTests,
  platformScopeForTests,
  scopeForTests,
  startPlatformForTests,
} from "./platformForTests.ts";
import { giveUpProvisioning, provisionTenant } from "./provisionTenant.ts";
import { registerTenant } from "./registerTenant.ts";
import { registeredTenantKind } from "./registry.ts";
import { tenantKind } from "./tenant.ts";

insideBoundaryForTests();

let world: PlatformForTests;
beforeAll(async () => {
  world = await startPlatformForTests();
}, 30_000);
afterAll(async () => {
  await world.close();
});
afterEach(() => {
  setClockForTests();
});

const days = (count: number) => count * 86_400_000;
const after = (milliseconds: number) => {
  const at = now().getTime() + milliseconds;
  setClockForTests(() => new Date(at));
};
const address = (name: string) => `${name}.${ulid().toLowerCase()}@example.com`;
const person = (subject: string) => ({ type: "person", issuer: "https://issuer.example", subject }) as const;

/** A registered tenant, not yet set up. */
async function registered(ownerEmail = address("owner"), name = `Acme ${ulid()}`) {
  const platform = platformScopeForTests();
  const operation = await registerTenant(platform, { name, ownerEmail, plan: "trial" });
  const { items } = await platform.repository.list(registeredTenantKind, { limit: 100 });
  const entry = items.find((item) => item.setup?.operationId === operation.id);
  if (entry === undefined) throw new Error("nothing was registered");
  return { platform, operation, ownerEmail, name, tenant: scopeForTests(entry.id) };
}

async function active() {
  const made = await registered();
  await provisionTenant(made.tenant, made.platform);
  return { ...made, invitation: await theInvitation(made.tenant) };
}

/** The invitation that the tenant's latest fact is about. */
async function theInvitation(tenant: TenantScope): Promise<Entity<Invitation>> {
  const { items } = await tenant.repository.list(factKind);
  const id = items.flatMap(({ commands }) => commands).at(-1)?.message["id"];
  return await tenant.repository.get(invitationKind, String(id));
}

async function tokenMailedTo(email: string): Promise<string> {
  const [mail] = await world.mailsTo(email);
  return /tnt_[0-9A-Z]{26}\.inv_[0-9A-Z]{26}\.[\w-]{43}/u.exec(mail?.content.plainText ?? "")?.[0] ?? "";
}

async function accept(token: string, subject: string) {
  const held = await verifyInvitation(token, person(subject), { action: "acceptInvitation", requestId: ulid() });
  return await acceptInvitation(held.tenant, held.invitation, held.memberId);
}

describe("setting up a tenant", () => {
  it("makes its container, its document and its owner's invitation, and says so", async () => {
    const { tenant, platform, operation, name, ownerEmail, invitation } = await active();
    const own = await tenant.repository.get(tenantKind, tenant.tenantId);
    expect(own).toMatchObject({ name, plan: "trial", state: "active", quotas: { members: 10 } });
    expect(own.consentText).toMatchObject({ version: 1, text: expect.stringContaining(name) as string });
    expect(await containerClient(tenantContainer(tenant.tenantId, own.account)).exists()).toBe(true);
    expect(invitation).toMatchObject({ email: ownerEmail, role: "owner", status: "open" });
    const [fact] = (await tenant.repository.list(factKind)).items;
    expect(fact?.events).toEqual([{ type: "tenant.activated", data: { plan: "trial" } }]);
    expect(JSON.stringify(fact)).not.toContain(ownerEmail);
    const entry = await platform.repository.get(registeredTenantKind, tenant.tenantId);
    expect(entry).toMatchObject({ name, state: "active" });
    expect(entry.setup).toBeUndefined();
    expect(await platform.repository.get(operationKind, operation.id)).toMatchObject({
      status: "succeeded",
      progress: 1,
      resultId: tenant.tenantId,
    });
  });

  it("goes on where it was interrupted, and does nothing when all is done", async () => {
    const { tenant, platform, invitation } = await active();
    const entry = await platform.repository.get(registeredTenantKind, tenant.tenantId);
    const { name, plan, account } = entry;
    // As after a kill between the tenant's own change and the platform's.
    const operation = await registered();
    const setup = { ownerEmail: invitation.email, operationId: operation.operation.id };
    await platform
      .change()
      .replace(registeredTenantKind, entry, { name, plan, account, state: "provisioning", setup })
      .commit({ target: tenant.tenantId });
    await provisionTenant(tenant, platform);
    await provisionTenant(tenant, platform);
    expect(await platform.repository.get(registeredTenantKind, tenant.tenantId)).toMatchObject({ state: "active" });
    expect((await tenant.repository.list(factKind)).items).toHaveLength(1);
  });

  it("says that it failed, and can still succeed later", async () => {
    const { tenant, platform, operation } = await registered();
    await giveUpProvisioning(tenant, platform);
    expect(await platform.repository.get(operationKind, operation.id)).toMatchObject({
      status: "failed",
      failure: { code: "internal" },
    });
    const failed = await platform.repository.get(registeredTenantKind, tenant.tenantId);
    expect(failed.state).toBe("provisioning_failed");
    await provisionTenant(tenant, platform);
    const succeeded = await platform.repository.get(operationKind, operation.id);
    expect(succeeded.status).toBe("succeeded");
    expect(succeeded.failure).toBeUndefined();
  });

  it("keeps a name to one tenant, however it is written", async () => {
    const { name, platform } = await registered();
    const again = {
      name: ` ${name.toUpperCase().replace(" ", "  ")}`,
      ownerEmail: address("x"),
      plan: "trial",
    } as const;
    await expect(registerTenant(platform, again)).rejects.toMatchObject({ code: "name_taken" });
  });
});

describe("mails", () => {
  it("reach the invited person once, whatever is delivered twice", async () => {
    const { tenant, invitation, ownerEmail } = await active();
    expect(await sendMail(tenant, "invitation", invitation.id)).toBe("sent");
    expect(await sendMail(tenant, "invitation", invitation.id)).toBe("sent_before");
    expect(await world.mailsTo(ownerEmail)).toHaveLength(1);
  });

  it("reach them once even when two deliveries race", async () => {
    const { tenant, invitation, ownerEmail } = await active();
    await Promise.all([1, 2, 3].map(() => sendMail(tenant, "invitation", invitation.id)));
    expect(await world.mailsTo(ownerEmail)).toHaveLength(1);
  });

  it("are not sent to an address that nobody can have, and noted as sent neither", async () => {
    const { tenant } = await active();
    const email = `x.${ulid().toLowerCase()}@redacted.invalid`;
    const { id } = await inviteMember(tenant, 5, { email, role: "surveyor" });
    expect(await sendMail(tenant, "invitation", id)).toBe("refused");
    expect(await world.mailsTo(email)).toEqual([]);
    expect(await tenant.repository.get(invitationKind, id)).not.toHaveProperty("mailedAt");
  });

  it("are not sent for what no longer opens anything", async () => {
    const { tenant, invitation, ownerEmail } = await active();
    after(days(8));
    expect(await sendMail(tenant, "invitation", invitation.id)).toBe("outdated");
    expect(await sendMail(tenant, "invitation", `inv_${ulid()}`)).toBe("outdated");
    expect(await sendMail(tenant, "survey_link", `lnk_${ulid()}`)).toBe("outdated");
    expect(await sendMail(scopeForTests(`tnt_${ulid()}`), "invitation", invitation.id)).toBe("tenant_inactive");
    expect(await world.mailsTo(ownerEmail)).toEqual([]);
  });
});

describe("an invitation", () => {
  it("makes a member of whoever brings its token, once", async () => {
    const { tenant, invitation, ownerEmail } = await active();
    await sendMail(tenant, "invitation", invitation.id);
    const token = await tokenMailedTo(ownerEmail);
    const member = await accept(token, "anna");
    expect(member).toMatchObject({ email: ownerEmail, role: "owner", status: "active" });
    expect(await accept(token, "anna")).toEqual(member);
    await expect(accept(token, "ben")).rejects.toMatchObject({ code: "invitation_invalid" });
    const accepted = await tenant.repository.get(invitationKind, invitation.id);
    expect(accepted).toMatchObject({ status: "accepted", acceptedBy: member.id });
    expect(accepted.protectedToken).toBeUndefined();
  });

  it("makes one member when it is accepted several times at once", async () => {
    const { tenant, invitation, ownerEmail } = await active();
    await sendMail(tenant, "invitation", invitation.id);
    const token = await tokenMailedTo(ownerEmail);
    const members = await Promise.all([1, 2, 3, 4].map(() => accept(token, "anna")));
    expect(new Set(members.map(({ id }) => id)).size).toBe(1);
    expect((await tenant.repository.list(memberKind)).items).toHaveLength(1);
  });

  it("goes to one of two who race for it", async () => {
    const { tenant, invitation, ownerEmail } = await active();
    await sendMail(tenant, "invitation", invitation.id);
    const token = await tokenMailedTo(ownerEmail);
    const results = await Promise.allSettled([accept(token, "anna"), accept(token, "ben")]);
    expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect((await tenant.repository.list(memberKind)).items).toHaveLength(1);
  });

  it("ends after a week; made again, only the new token opens it, and no further seat is taken", async () => {
    const { tenant } = await active();
    const email = address("sue");
    const first = await inviteMember(tenant, 2, { email, role: "surveyor" });
    await sendMail(tenant, "invitation", first.id);
    const old = await tokenMailedTo(email);
    await expect(inviteMember(tenant, 2, { email, role: "admin" })).rejects.toMatchObject({ code: "exists" });
    after(days(7));
    await expect(accept(old, "sue")).rejects.toMatchObject({ code: "expired" });
    const second = await inviteMember(tenant, 2, { email: email.toUpperCase(), role: "auditor" });
    expect(second.id).toBe(first.id);
    expect(await sendMail(tenant, "invitation", second.id)).toBe("sent");
    await expect(accept(old, "sue")).rejects.toMatchObject({ code: "invitation_invalid" });
    const token = await tokenMailedTo(email.toUpperCase());
    expect(await accept(token, "sue")).toMatchObject({ role: "auditor" });
    await expect(inviteMember(tenant, 2, { email, role: "admin" })).rejects.toMatchObject({ code: "exists" });
  });

  it("needs a free seat", async () => {
    const { tenant } = await active();
    await inviteMember(tenant, 2, { email: address("a"), role: "surveyor" });
    await expect(inviteMember(tenant, 2, { email: address("b"), role: "surveyor" })).rejects.toMatchObject({
      code: "quota_exceeded",
    });
  });

  it("waits while the tenant is suspended", async () => {
    const { tenant, invitation, ownerEmail } = await active();
    await sendMail(tenant, "invitation", invitation.id);
    const token = await tokenMailedTo(ownerEmail);
    const own = await tenant.repository.get(tenantKind, tenant.tenantId);
    await tenant.change().patch(tenantKind, own, { state: "suspended" }).commit({ target: own.id });
    await expect(accept(token, "anna")).rejects.toMatchObject({ code: "tenant_suspended" });
    expect(await sendMail(tenant, "invitation", invitation.id)).toBe("tenant_inactive");
  });

  it("is not for a member of the tenant already", async () => {
    const { tenant, invitation, ownerEmail } = await active();
    await sendMail(tenant, "invitation", invitation.id);
    await accept(await tokenMailedTo(ownerEmail), "anna");
    const email = address("anna");
    const other = await inviteMember(tenant, 10, { email, role: "auditor" });
    await sendMail(tenant, "invitation", other.id);
    await expect(accept(await tokenMailedTo(email), "anna")).rejects.toMatchObject({ code: "exists" });
  });

  it("has a token that cannot be changed into another", async () => {
    const { tenant, invitation, ownerEmail } = await active();
    await sendMail(tenant, "invitation", invitation.id);
    const token = await tokenMailedTo(ownerEmail);
    const [, id = "", secret = ""] = token.split(".");
    const stranger = (await active()).tenant.tenantId;
    const forged = [
      "",
      "x",
      `${token}.x`,
      `${tenant.tenantId}.${id}.${"A".repeat(43)}`,
      `${tenant.tenantId}.inv_${ulid()}.${secret}`,
      `${stranger}.${id}.${secret}`,
      `platform.${id}.${secret}`,
      `${tenant.tenantId}.${tenant.tenantId}.${secret}`,
    ];
    for (const text of forged)
      await expect(accept(text, "eve"), text).rejects.toMatchObject({ code: "invitation_invalid" });
  });
});
