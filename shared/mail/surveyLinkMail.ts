import type { Link } from "../surveys/link.ts";
import type { Survey } from "../surveys/survey.ts";
import type { Tenant } from "../tenants/tenant.ts";
import { type RenderedMail, renderMail, spoken } from "./layout.ts";

/** Carries a guest's link into one survey. The address is the link with its token. */
export function surveyLinkMail(
  { branding }: Pick<Tenant, "branding">,
  { guest, dueAt }: Pick<Survey, "guest" | "dueAt">,
  { expiresAt }: Pick<Link, "expiresAt">,
  address: string,
): RenderedMail {
  const { displayName } = branding;
  return renderMail(branding, {
    subject: `${displayName} asks you for a video survey`,
    heading: "Your video survey",
    parts: [
      { type: "text", text: `Hello ${guest.name},` },
      {
        type: "text",
        text: `${displayName} asks you to answer a few questions and to record short videos. You need no account: a phone or a browser with a camera will do, and you can stop and go on later with the same link.`,
      },
      ...(dueAt === undefined ? [] : [{ type: "text", text: `Please finish by ${spoken(dueAt)}.` } as const]),
      { type: "button", label: "Open the survey", url: address },
      { type: "text", text: `The link works until ${spoken(expiresAt)}.` },
    ],
    footer: `The link is meant for you alone: whoever has it can answer in your name. You get this mail because ${displayName} entered your address. If you do not know them, do nothing.`,
  });
}
