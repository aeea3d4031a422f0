import { now } from "../clock.ts";
import { config } from "../config.ts";
import { newSecret, secretHash, tokenText } from "../protection/oneTimeToken.ts";
import { Choice, Line, type Static, Time, closed, optional } from "../schema.ts";
import { Id, newId, prefixes } from "../tenancy/ids.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { Remembered, TenantScope } from "../tenancy/scope.ts";
import { futureUtc } from "../utc.ts";
import { Problem } from "../web/problem.ts";
import { currentLink, unmoved } from "./currentLink.ts";
import { type Link, linkKind, linkTokenUse } from "./link.ts";
import { type Survey, surveyKind } from "./survey.ts";

const dayMs = 86_400_000;
const defaultDays = 30;
const maxDays = 90;
/** Each can be a mail to an address that the tenant merely named. */
const maxLinks = 50;

const channels = ["email", "none"] as const;

export const NewLink = closed({
  expiresAt: optional(Time),
  channel: Choice(channels, "email: it is sent to the guest; none: you hand it over"),
});
export type NewLink = Static<typeof NewLink>;

export const LinkView = closed({
  id: Id(prefixes.link),
  url: Line(1_024, "Shown once; whoever has it is the guest"),
  expiresAt: Time,
  channel: Choice(channels),
});
export type LinkView = Static<typeof LinkView>;

/**
 * Makes the guest's link; the one before it ends in the same change. Throws `final` where the survey is over, `policy`
 * where there is no address to send to, `quota_exceeded` where the survey had all its links.
 */
export async function createLink(tenant: TenantScope, survey: Entity<Survey>, request: NewLink): Promise<LinkView> {
  const { state, guest, linkCount = 0 } = survey;
  if (state === "completed" || state === "cancelled" || state === "deleting" || state === "deleted")
    throw new Problem("final");
  const { channel } = request;
  if (channel === "email" && guest.email === undefined)
    throw new Problem("policy", {
      errors: [{ pointer: "/channel", code: "no_email", message: "needs the guest's e-mail address" }],
    });
  if (linkCount >= maxLinks)
    throw new Problem("quota_exceeded", { detail: `A survey has at most ${maxLinks} links, one after the other` });
  const expiresAt = expiryOf(request.expiresAt);
  const id = newId(prefixes.link);
  const secret = newSecret();
  const token = tokenText({ tenantId: tenant.tenantId, id, secret });
  const url = `${config().api.guestLinkUrl}#${token}`;
  const [protectedToken, protectedUrl, replaced] = await Promise.all([
    tenant.protector(linkTokenUse).protect(token),
    tenant.protector("once-shown").protect(url),
    currentLink(tenant, survey),
  ]);
  const link: Link = {
    surveyId: survey.id,
    status: "active",
    channel,
    secretHash: secretHash(secret),
    protectedToken,
    expiresAt,
  };
  const invites = state === "draft" || state === "expired";
  const change = tenant
    .change()
    .patch(
      surveyKind,
      survey,
      { linkId: id, linkCount: linkCount + 1, ...(invites && { state: "invited" as const }) },
      { condition: unmoved(survey), otherwise: { stale: "conflict" } },
    );
  if (replaced !== undefined) change.patch(linkKind, replaced, { status: "replaced", protectedToken: "" });
  await change
    .create(linkKind, id, link)
    .remember({ id, url: protectedUrl })
    .commit({
      target: survey.id,
      events: invites ? [{ type: "survey.invited", data: { surveyId: survey.id } }] : [],
      commands: channel === "email" ? [{ queue: "send-mail", message: { template: "survey_link", id } }] : [],
    });
  return { id, url, expiresAt, channel };
}

/** The link as {@link createLink} showed it, from what its change remembered. */
export async function createdLink(tenant: TenantScope, { id = "", url = "" }: Remembered): Promise<LinkView> {
  const [link, shown] = await Promise.all([
    tenant.repository.get(linkKind, id),
    tenant.protector("once-shown").unprotect(url),
  ]);
  return { id, url: shown.toString(), expiresAt: link.expiresAt, channel: link.channel };
}

function expiryOf(given: string | undefined): string {
  if (given === undefined) return new Date(now().getTime() + defaultDays * dayMs).toISOString();
  return futureUtc(given, "/expiresAt", { ms: maxDays * dayMs, words: `${maxDays} days` });
}
