import { beforeAll, expect, test } from "vitest";
import { type TestTenant, api, expectApi, newSurvey, newTenant } from "../support/tenant.ts";

let tenant: TestTenant;
beforeAll(async () => {
  tenant = await newTenant();
});

test("a webhook whose address grows past its limit in writing is refused, and the list can still be read", async () => {
  const { token } = tenant.owner;
  const url = `https://example.com/${"é".repeat(1_000)}`;
  const refused = await api("POST /v1/webhooks", { token, body: { url, events: ["survey.created"] } });
  expect(refused).toMatchObject({ status: 422, body: { code: "unsafe_url" } });
  await expectApi("GET /v1/webhooks", 200, { token });
});

test.each(["9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00+23:59"])(
  "a time that UTC writes with another year than four digits is refused, and the list can still be read: %s",
  async (time) => {
    const { token } = tenant.owner;
    const { templateVersionId } = await newSurvey(tenant);
    const body = { templateVersionId, guest: { name: "Gerda" }, dueAt: time };
    const refused = await api("POST /v1/surveys", { token, body });
    expect(refused).toMatchObject({ status: 400, body: { errors: [{ pointer: "/dueAt", code: "time" }] } });
    await expectApi("GET /v1/surveys", 200, { token });
    const since = await api(`GET /v1/surveys?updatedSince=${encodeURIComponent(time)}`, { token });
    expect(since).toMatchObject({ status: 400, body: { errors: [{ pointer: "/updatedSince", code: "time" }] } });
  },
);
