import type { Invitation } from "../members/member.ts";
import type { Tenant } from "../tenants/tenant.ts";
import { type RenderedMail, renderMail, spoken } from "./layout.ts";

/** Carries the invitation's token, and says how it is accepted. */
export function invitationMail(
  { name, branding }: Pick<Tenant, "name" | "branding">,
  { role, expiresAt }: Pick<Invitation, "role" | "expiresAt">,
  { token, apiUrl }: { readonly token: string; readonly apiUrl: string },
): RenderedMail {
  const article = /^[aeiou]/u.test(role) ? "an" : "a";
  return renderMail(branding, {
    subject: `${name} invites you to Callpilot`,
    heading: "You are invited",
    parts: [
      { type: "text", text: `${name} invites you to its video surveys on Callpilot, as ${article} ${role}.` },
      { type: "code", label: "Your one-time code", text: token },
      {
        type: "text",
        text: 'To accept, sign in to Callpilot and send the code as { "token": "<your code>" }, in JSON, to this address:',
      },
      { type: "code", label: "POST", text: `${apiUrl}/v1/invitations/accept` },
      { type: "text", text: `The code works once, until ${spoken(expiresAt)}.` },
    ],
    footer:
      "Keep the code to yourself: whoever brings it first becomes the member. If you did not expect this invitation, do nothing; it ends by itself.",
  });
}
