import { expect, test } from "vitest";
import { api, expectApi, newSurvey, newTenant } from "../support/tenant.ts";

test("a survey has so many links and no more: each can be a mail to whoever the tenant names", async () => {
  const tenant = await newTenant();
  const { surveyId } = await newSurvey(tenant);
  const { token } = tenant.owner;
  const request = { token, body: { channel: "none" } };
  for (let made = 1; made < 50; made++) await expectApi(`POST /v1/surveys/${surveyId}/links`, 201, request);
  const refused = await api(`POST /v1/surveys/${surveyId}/links`, request);
  expect(refused).toMatchObject({ status: 409, body: { code: "quota_exceeded" } });
});
