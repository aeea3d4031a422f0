import { ulid } from "ulid";
import { afterAll, beforeAll, expect, test } from "vitest";
import { database, documents, settled } from "../support/contracts.ts";
import { type TestTenant, expectApi, newSurvey, newTenant } from "../support/tenant.ts";

let tenant: TestTenant;
beforeAll(async () => {
  tenant = await newTenant();
});
afterAll(() => {
  database().dispose();
});

/** Calls with an Idempotency-Key, so that the answer is kept for a repeat. */
async function made<T>(operation: string, status: number, body?: unknown): Promise<T> {
  const headers = { "idempotency-key": ulid() };
  const request = { token: tenant.owner.token, headers, body };
  const first = await expectApi<T>(operation, status, request);
  expect((await expectApi<T>(operation, status, request)).body).toEqual(first.body);
  return first.body;
}

test("nothing that was shown once is stored in the clear, neither for its use nor for a repeat", async () => {
  const { surveyId, guest } = await newSurvey(tenant);
  const webhook = await made<{ id: string; secret: string }>("POST /v1/webhooks", 201, {
    url: "https://hooks.example.com/",
    events: ["survey.created"],
  });
  const rotated = await made<{ secret: string }>(`POST /v1/webhooks/${webhook.id}/rotate`, 200);
  const key = await made<{ credential: string }>("POST /v1/keys", 201, {
    name: "Export",
    scopes: ["surveys:read"],
    expiresAt: new Date(Date.now() + 86_400_000).toISOString(),
  });
  const link = await made<{ url: string }>(`POST /v1/surveys/${surveyId}/links`, 201, { channel: "none" });
  const secrets = [
    webhook.secret.slice("whsec_".length),
    rotated.secret.slice("whsec_".length),
    key.credential.split(".").at(-1) ?? "",
    link.url.split(".").at(-1) ?? "",
    guest.split(".").at(-1) ?? "",
  ];
  await settled(tenant.id);
  const stored = await documents(tenant.id);
  expect(stored.filter(({ kind }) => kind === "idempotency").length).toBeGreaterThanOrEqual(4);
  const text = JSON.stringify(stored);
  for (const secret of secrets) {
    expect(secret.length).toBeGreaterThanOrEqual(43);
    for (const form of [secret, Buffer.from(secret, "base64").toString("hex"), Buffer.from(secret).toString("base64")])
      expect(text).not.toContain(form);
  }
});
