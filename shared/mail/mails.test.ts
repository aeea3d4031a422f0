import { describe, expect, it } from "vitest";
import { invitationMail } from "./invitationMail.ts";
import { surveyLinkMail } from "./surveyLinkMail.ts";

const hostile = `"><img src=x onerror=alert(1)><script>alert('1')</script> & Co.`;
const escaped =
  "&quot;&gt;&lt;img src=x onerror=alert(1)&gt;&lt;script&gt;alert(&apos;1&apos;)&lt;/script&gt; &amp; Co.";
const token = "tnt_01J0000000000000000000000A.inv_01J0000000000000000000000B.secret";

const tenant = (displayName: string, color = "#0f6cbd") => ({ name: displayName, branding: { displayName, color } });
const invite = (name: string, role: "owner" | "surveyor" = "surveyor") =>
  invitationMail(
    tenant(name),
    { role, expiresAt: "2026-03-03T14:05:00.000Z" },
    { token, apiUrl: "https://api.example" },
  );
const linkMail = (guest: string, options: { dueAt?: string; color?: string; address?: string } = {}) =>
  surveyLinkMail(
    tenant("Acme", options.color),
    { guest: { name: guest }, ...(options.dueAt !== undefined && { dueAt: options.dueAt }) },
    { expiresAt: "2026-03-03T14:05:00.000Z" },
    options.address ?? `https://guest.example/s#${token}`,
  );

describe("the invitation's mail", () => {
  it("says who invites, as what, until when and where to send the code", () => {
    const { subject, text } = invite("Acme", "owner");
    expect(subject).toBe("Acme invites you to Callpilot");
    expect(text).toContain("as an owner.");
    expect(text).toContain("https://api.example/v1/invitations/accept");
    expect(text).toContain("until 3 March 2026 at 14:05 UTC");
    expect(text.split("\n")).toContain(token);
  });

  it("shows the code in the HTML just as in the text", () => {
    expect(invite("Acme").html).toContain(`>${token}</p>`);
  });

  it("shows a hostile name as text", () => {
    const { html, text } = invite(hostile);
    expect(html).toContain(escaped);
    expect(html).not.toMatch(/<script|<img/u);
    expect(text).toContain(hostile);
  });
});

describe("the guest link's mail", () => {
  it("opens the link with its token", () => {
    const { html, text } = linkMail("Mia", { dueAt: "2026-02-01T08:00:00.000Z" });
    expect(html).toContain(`<a href="https://guest.example/s#${token}"`);
    expect(text).toContain(`Open the survey:\nhttps://guest.example/s#${token}`);
    expect(text).toContain("Hello Mia,");
    expect(text).toContain("Please finish by 1 February 2026 at 08:00 UTC.");
  });

  it("shows a hostile guest's name as text, and an address stays in its attribute", () => {
    const { html } = linkMail(hostile, { address: `https://guest.example/"onclick="alert(1)` });
    expect(html).toContain(`Hello ${escaped},`);
    expect(html).not.toMatch(/<script|<img|"onclick="/u);
  });

  it("takes nothing for a color but a color, and stays readable on it", () => {
    expect(linkMail("Mia", { color: "red;background:url(//evil.example)" }).html).not.toContain("evil.example");
    expect(linkMail("Mia", { color: "#ffff00" }).html).toContain("background:#ffff00;color:#000000");
    expect(linkMail("Mia", { color: "#0f6cbd" }).html).toContain("background:#0f6cbd;color:#ffffff");
  });

  it("loads nothing from anywhere", () => {
    expect(linkMail("Mia").html).not.toMatch(/\bsrc=|<link|url\(|@import/u);
  });
});
