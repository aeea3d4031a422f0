import { type Outcome, operationKind, withOutcome } from "../operations/operation.ts";
import { emailReservation, mailInvitation, openInvitation } from "../members/invitation.ts";
import { invitationKind } from "../members/member.ts";
import { createTenantContainer } from "../storage/containers.ts";
import { newId, prefixes } from "../tenancy/ids.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { type RegisteredTenant, registeredTenantKind } from "./registry.ts";
import { type Tenant, counters, defaultColor, quotasOf, tenantKind } from "./tenant.ts";

/**
 * Makes what a registered tenant consists of: its container, its document with counters and the owner's invitation, then
 * the registry's entry and the operation. May be repeated after any step; does nothing once all are done.
 */
export async function provisionTenant(tenant: TenantScope, platform: TenantScope): Promise<void> {
  const registered = await platform.repository.get(registeredTenantKind, tenant.tenantId);
  if (registered.setup === undefined) return;
  await createTenantContainer(tenant.tenantId, registered.account);
  if ((await tenant.repository.find(tenantKind, tenant.tenantId)) === undefined)
    await createTenant(tenant, registered, registered.setup.ownerEmail);
  const { name, plan, account } = registered;
  const active: RegisteredTenant = { name, plan, state: "active", account };
  await finish(platform, registered, active, { status: "succeeded", progress: 1, resultId: tenant.tenantId });
}

/** Says that the tenant could not be made, so that nobody waits for it; what is there stays, for another try. */
export async function giveUpProvisioning(tenant: TenantScope, platform: TenantScope): Promise<void> {
  const registered = await platform.repository.get(registeredTenantKind, tenant.tenantId);
  if (registered.setup === undefined) return;
  const { name, plan, account, setup } = registered;
  const failed: RegisteredTenant = { name, plan, state: "provisioning_failed", account, setup };
  const detail = "The account could not be set up";
  await finish(platform, registered, failed, { status: "failed", progress: 0, failure: { code: "internal", detail } });
}

async function createTenant(tenant: TenantScope, registered: RegisteredTenant, ownerEmail: string): Promise<void> {
  const { name, plan, account } = registered;
  const fields: Tenant = {
    name,
    plan,
    state: "active",
    account,
    quotas: quotasOf[plan],
    consentText: { version: 1, text: defaultConsent(name) },
    branding: { displayName: name, color: defaultColor },
  };
  const invitationId = newId(prefixes.invitation);
  await tenant
    .change()
    .reserve(emailReservation, ownerEmail, invitationId, "exists")
    .create(tenantKind, tenant.tenantId, fields)
    .create(
      invitationKind,
      invitationId,
      await openInvitation(tenant, invitationId, { email: ownerEmail, role: "owner" }),
    )
    .startCounter(counters.surveys, 0)
    .startCounter(counters.videoBytes, 0)
    // The owner's invitation has a seat.
    .startCounter(counters.members, 1)
    .startCounter(counters.owners, 0)
    .startCounter(counters.webhooks, 0)
    .startCounter(counters.templates, 0)
    .startCounter(counters.templateVersions, 0)
    .commit({
      target: tenant.tenantId,
      events: [{ type: "tenant.activated", data: { plan } }],
      commands: [mailInvitation(invitationId)],
    });
}

async function finish(
  platform: TenantScope,
  registered: Entity<RegisteredTenant>,
  next: RegisteredTenant,
  outcome: Outcome,
): Promise<void> {
  const operation = await platform.repository.get(operationKind, registered.setup?.operationId ?? "");
  await platform
    .change()
    .replace(registeredTenantKind, registered, next)
    .replace(operationKind, operation, withOutcome(operation, outcome))
    .commit({ target: registered.id });
}

function defaultConsent(name: string): string {
  return [
    `${name} asks you to answer questions and to record videos and photos of the things and places they are about.`,
    `What you send is stored for ${name}, checked and prepared for viewing, and seen by the people there who handle your request. It is used for nothing else.`,
    "Please do not show people who have not agreed to it, or documents that nobody asked for.",
    "Taking part is your choice. You can stop at any time and withdraw your consent; nothing is recorded or sent after that.",
  ].join("\n\n");
}
