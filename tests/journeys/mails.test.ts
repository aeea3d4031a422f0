import { ulid } from "ulid";
import { describe, expect, inject, it } from "vitest";
import { newestMail } from "../../local/client.ts";
import { expectApi, newSurvey, newTenant, openSession } from "../support/tenant.ts";

describe.concurrent("a guest's mail", () => {
  it("carries the link that was made, and shows what people entered as text", async () => {
    const tenant = await newTenant();
    const guest = {
      name: `<img src=x onerror=alert(1)> & "Mia"`,
      email: `mia.${ulid().toLowerCase()}@guest.localhost`,
    };
    const { surveyId } = await newSurvey(tenant, { survey: { guest } });
    const link = await expectApi<{ url: string }>(`POST /v1/surveys/${surveyId}/links`, 201, {
      token: tenant.owner.token,
      body: { channel: "email" },
    });
    const { content } = await newestMail(inject("stack"), guest.email);
    expect(content.subject).toBe(`${tenant.name} asks you for a video survey`);
    expect(content.plainText).toContain(`\n${link.body.url}\n`);
    expect(content.plainText).toContain(`Hello ${guest.name},`);
    expect(content.html).toContain(`href="${link.body.url}"`);
    expect(content.html).toContain("Hello &lt;img src=x onerror=alert(1)&gt; &amp; &quot;Mia&quot;,");
    expect(content.html).not.toContain("<img");
    await openSession(link.body.url);
  });
});
