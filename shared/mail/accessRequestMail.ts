import type { AccessGrant } from "../access/accessGrant.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { Tenant } from "../tenants/tenant.ts";
import { type RenderedMail, renderMail, spoken } from "./layout.ts";

/** Tells an owner that an operator wants to see a survey, why, and how it is granted or refused. */
export function accessRequestMail(
  { name, branding }: Pick<Tenant, "name" | "branding">,
  { id, surveyId, reason, until }: Pick<Entity<AccessGrant>, "id" | "surveyId" | "reason" | "until">,
  address: string,
): RenderedMail {
  return renderMail(branding, {
    subject: `Callpilot support asks ${name} for access to a survey`,
    heading: "Somebody asks for access",
    parts: [
      {
        type: "text",
        text: "An operator of Callpilot asks to see one of your surveys and its videos. Nobody there can, unless you grant it.",
      },
      { type: "code", label: "The survey", text: surveyId },
      { type: "code", label: "The operator's reason", text: reason },
      {
        type: "text",
        text: `Access would end ${spoken(until)} at the latest, and 24 hours after you grant it. You can end it at any time, and your log shows each use.`,
      },
      {
        type: "text",
        text: 'To grant it, sign in and send { "requestId": "<the request>" }, in JSON, to this address:',
      },
      { type: "code", label: "POST", text: address },
      { type: "code", label: "The request", text: id },
      {
        type: "text",
        text: "To refuse it, send DELETE to the same address with the request at its end, or do nothing.",
      },
    ],
    footer:
      "You get this mail because you are an owner. Grant access only if you expect it: ask your contact at Callpilot by a way that you know.",
  });
}
