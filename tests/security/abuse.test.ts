import { ulid } from "ulid";
import { expect, test } from "vitest";
import { documents, erase, item, write } from "../support/contracts.ts";
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

test("a repeated request does not show a link again to who has lost the survey", async () => {
  const tenant = await newTenant();
  const { templateVersionId } = await newSurvey(tenant);
  const { token } = await tenant.join("surveyor");
  const body = { templateVersionId, guest: { name: "Gerda" } };
  const { id } = (await expectApi<{ id: string }>("POST /v1/surveys", 201, { token, body })).body;
  const request = { token, body: { channel: "none" }, headers: { "idempotency-key": ulid() } };
  const first = await expectApi<{ url: string }>(`POST /v1/surveys/${id}/links`, 201, request);
  const again = await expectApi<{ url: string }>(`POST /v1/surveys/${id}/links`, 201, request);
  expect(again.body.url).toBe(first.body.url);
  const survey = (await documents(tenant.id)).find((document) => document.id === id);
  await erase(tenant.id, [id]);
  await write(tenant.id, [item(tenant.id, "survey", id, { ...survey, assigneeId: tenant.owner.id })]);
  await expectApi(`POST /v1/surveys/${id}/links`, 404, request);
});
