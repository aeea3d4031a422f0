import { ulid } from "ulid";
import { describe, expect, inject, it } from "vitest";
import { signIn, until } from "../../local/client.ts";
import { api, expectApi, newTenant, operatorToken } from "../support/tenant.ts";

interface Operation {
  readonly id: string;
  readonly action: string;
  readonly status: string;
  readonly progress: number;
  readonly resultId?: string;
}

const newName = () => `Journey ${ulid()}`;
const order = (name = newName()) => ({
  name,
  ownerEmail: `owner.${ulid().toLowerCase()}@test.localhost`,
  plan: "trial",
});

describe.concurrent("createTenant", () => {
  it("answers with an operation that leads to an active tenant", async () => {
    const token = await operatorToken();
    const created = await expectApi<Operation>("POST /v1/platform/tenants", 202, { token, body: order() });
    expect(created.body).toMatchObject({ action: "createTenant", status: "running", progress: 0 });
    const location = created.headers.get("location") ?? "";
    expect(location).toBe(`${inject("stack").apiUrl}/v1/operations/${created.body.id}`);
    const done = await until("the tenant", 20, async () => {
      const { body } = await expectApi<Operation>(`GET ${new URL(location).pathname}`, 200, { token });
      return body.status === "running" ? undefined : body;
    });
    expect(done).toMatchObject({
      status: "succeeded",
      progress: 1,
      resultId: expect.stringMatching(/^tnt_/u) as string,
    });
  });

  it("refuses a name that another tenant has, however it is written", async () => {
    const token = await operatorToken();
    const first = order();
    await expectApi("POST /v1/platform/tenants", 202, { token, body: first });
    const again = await expectApi("POST /v1/platform/tenants", 409, { token, body: order(first.name.toLowerCase()) });
    expect(again.body).toMatchObject({ code: "name_taken" });
  });

  it("makes one tenant of a repeated request", async () => {
    const token = await operatorToken();
    const headers = { "idempotency-key": ulid() };
    const body = order();
    const first = await expectApi<Operation>("POST /v1/platform/tenants", 202, { token, headers, body });
    const again = await expectApi<Operation>("POST /v1/platform/tenants", 202, { token, headers, body });
    expect(again.body.id).toBe(first.body.id);
    expect(again.headers.get("location")).toBe(first.headers.get("location"));
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    const other = await api("POST /v1/platform/tenants", { token, headers, body: order() });
    expect(other.body["code"]).toBe("idempotency_mismatch");
  });

  it("names what is wrong with a request", async () => {
    const token = await operatorToken();
    const wrong: [object, string][] = [
      [{ ...order(), name: "" }, "/name"],
      [{ ...order(), ownerEmail: "nobody" }, "/ownerEmail"],
      [{ ...order(), plan: "free" }, "/plan"],
      [{ ...order(), state: "active" }, "/state"],
    ];
    for (const [body, pointer] of wrong) {
      const answer = await expectApi<{ errors: { pointer: string }[] }>("POST /v1/platform/tenants", 400, {
        token,
        body,
      });
      expect(answer.body.errors.map((error) => error.pointer)).toEqual([pointer]);
    }
  });

  it("is the operators' alone", async () => {
    const { owner } = await newTenant();
    expect((await api("POST /v1/platform/tenants", { body: order() })).status).toBe(401);
    expect((await api("POST /v1/platform/tenants", { token: owner.token, body: order() })).status).toBe(403);
  });
});

describe.concurrent("getOperation", () => {
  it("shows the platform's operations to no tenant", async () => {
    const { owner } = await newTenant();
    const operator = await operatorToken();
    const { body } = await expectApi<Operation>("POST /v1/platform/tenants", 202, { token: operator, body: order() });
    const foreign = await expectApi(`GET /v1/operations/${body.id}`, 404, { token: owner.token });
    const missing = await expectApi(`GET /v1/operations/op_${ulid()}`, 404, { token: owner.token });
    const nonsense = await expectApi("GET /v1/operations/1", 404, { token: owner.token });
    const bare = ({ body: problem }: typeof foreign) => ({ ...problem, requestId: "" });
    expect(bare(foreign)).toEqual(bare(missing));
    expect(bare(nonsense)).toEqual(bare(missing));
  });
});

describe.concurrent("getTenant", () => {
  it("shows a member the own tenant, and nothing of where it is kept", async () => {
    const tenant = await newTenant();
    const { body, headers } = await expectApi("GET /v1/tenant", 200, { token: tenant.owner.token });
    expect(body).toMatchObject({
      id: tenant.id,
      name: tenant.name,
      state: "active",
      branding: { displayName: tenant.name },
      consentText: { version: 1 },
    });
    expect(body).not.toHaveProperty("account");
    const etag = headers.get("etag") ?? "";
    const unchanged = await api("GET /v1/tenant", { token: tenant.owner.token, headers: { "if-none-match": etag } });
    expect(unchanged.status).toBe(304);
  });

  it("shows nothing to who is no member, whatever the token claims", async () => {
    const tenant = await newTenant();
    const stranger = await signIn(inject("stack"), `stranger.${ulid().toLowerCase()}@test.localhost`, tenant.id);
    expect((await api("GET /v1/tenant", { token: stranger })).status).toBe(403);
    expect((await api("GET /v1/tenant", { token: await operatorToken() })).status).toBe(403);
    expect((await api("GET /v1/tenant")).status).toBe(401);
  });
});
