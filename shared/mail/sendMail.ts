import { accessGrantKind, accessState } from "../access/accessGrant.ts";
import { now } from "../clock.ts";
import { config } from "../config.ts";
import { isOpen } from "../members/invitation.ts";
import { invitationKind, invitationTokenUse, memberKind } from "../members/member.ts";
import { linkKind, linkTokenUse } from "../surveys/link.ts";
import { surveyKind } from "../surveys/survey.ts";
import type { Change } from "../tenancy/change.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { type Tenant, tenantKind } from "../tenants/tenant.ts";
import { isProblem } from "../web/problem.ts";
import { accessRequestMail } from "./accessRequestMail.ts";
import { invitationMail } from "./invitationMail.ts";
import { type Recipient, MailRefused, deliver } from "./mailer.ts";
import type { RenderedMail } from "./layout.ts";
import { surveyLinkMail } from "./surveyLinkMail.ts";

export const mailTemplates = ["invitation", "survey_link", "access_request"] as const;
export type MailTemplate = (typeof mailTemplates)[number];

/** What became of a mail; all but `sent` mean that there is nothing to send, now or later. */
export type MailOutcome = "sent" | "sent_before" | "outdated" | "tenant_inactive" | "refused";

interface Letter {
  readonly to: Recipient;
  readonly mail: RenderedMail;
  /** What makes it another mail than the one before, of the same template and thing. */
  readonly occasion: string;
  /** Notes on the carrier of a token that its mail was sent. */
  readonly note?: (change: Change) => Change;
}

/**
 * Mails the token of an invitation or a link, unless it no longer opens anything or was mailed before, or tells a member of
 * a request for access. Repeats after a lost answer reach the recipient once as long as the mail service knows its own
 * operation.
 */
export async function sendMail(
  tenant: TenantScope,
  template: MailTemplate,
  id: string,
  memberId = "",
): Promise<MailOutcome> {
  const own = await tenant.repository.find(tenantKind, tenant.tenantId);
  if (own?.state !== "active") return "tenant_inactive";
  const letter = await letterOf[template](tenant, own, id, memberId);
  if (typeof letter === "string") return letter;
  try {
    await deliver(letter.to, letter.mail, [tenant.tenantId, template, id, letter.occasion]);
  } catch (error) {
    if (error instanceof MailRefused) return "refused";
    throw error;
  }
  if (letter.note === undefined) return "sent";
  try {
    await letter.note(tenant.change()).commit({ target: id });
  } catch (error) {
    // It was accepted, replaced or closed at the same moment: what came after has a mail of its own, or needs none.
    if (!isProblem(error, "stale")) throw error;
  }
  return "sent";
}

async function invitationLetter(tenant: TenantScope, own: Entity<Tenant>, id: string): Promise<Letter | MailOutcome> {
  const invitation = await tenant.repository.find(invitationKind, id);
  if (invitation?.protectedToken === undefined || !isOpen(invitation)) return "outdated";
  if (invitation.mailedAt !== undefined) return "sent_before";
  const token = await opened(tenant, invitationTokenUse, invitation.protectedToken);
  return {
    to: { address: invitation.email },
    mail: invitationMail(own, invitation, { token, apiUrl: config().api.publicUrl }),
    occasion: invitation.secretHash,
    note: (change) => change.patch(invitationKind, invitation, mailedNow(), { ifMatch: invitation.etag }),
  };
}

async function linkLetter(tenant: TenantScope, own: Entity<Tenant>, id: string): Promise<Letter | MailOutcome> {
  const link = await tenant.repository.find(linkKind, id);
  if (link?.status !== "active" || link.expiresAt <= now().toISOString()) return "outdated";
  if (link.mailedAt !== undefined) return "sent_before";
  const survey = await tenant.repository.find(surveyKind, link.surveyId);
  if (survey?.guest.email === undefined || survey.state === "deleting" || survey.state === "deleted") return "outdated";
  const token = await opened(tenant, linkTokenUse, link.protectedToken);
  return {
    to: { address: survey.guest.email, displayName: survey.guest.name },
    mail: surveyLinkMail(own, survey, link, `${config().api.guestLinkUrl}#${token}`),
    occasion: link.secretHash,
    note: (change) => change.patch(linkKind, link, mailedNow(), { ifMatch: link.etag }),
  };
}

async function accessLetter(
  tenant: TenantScope,
  own: Entity<Tenant>,
  id: string,
  memberId: string,
): Promise<Letter | MailOutcome> {
  const [grant, member] = await Promise.all([
    tenant.repository.find(accessGrantKind, id),
    tenant.repository.find(memberKind, memberId),
  ]);
  if (grant === undefined || accessState(grant) !== "requested" || member?.status !== "active") return "outdated";
  return {
    to: { address: member.email },
    mail: accessRequestMail(own, grant, `${config().api.publicUrl}/v1/access-grants`),
    occasion: memberId,
  };
}

const letterOf: Readonly<
  Record<
    MailTemplate,
    (tenant: TenantScope, own: Entity<Tenant>, id: string, memberId: string) => Promise<Letter | MailOutcome>
  >
> = { invitation: invitationLetter, survey_link: linkLetter, access_request: accessLetter };

function mailedNow(): { readonly mailedAt: string } {
  return { mailedAt: now().toISOString() };
}

async function opened(tenant: TenantScope, use: string, payload: string): Promise<string> {
  return (await tenant.protector(use).unprotect(payload)).toString("utf8");
}
