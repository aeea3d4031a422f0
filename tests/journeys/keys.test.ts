import { ulid } from "ulid";
import { describe, expect, it } from "vitest";
import { secretHash } from "../../shared/protection/oneTimeToken.ts";
import { documents } from "../support/contracts.ts";
import { api, expectApi, newSurvey, newTenant } from "../support/tenant.ts";

interface Key {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly status: string;
  readonly createdBy: string;
  readonly lastUsedOn?: string;
}
interface NewKey extends Key {
  readonly credential: string;
}
interface Refusal {
  readonly code: string;
  readonly errors?: readonly { readonly pointer: string }[];
}

const days = (count: number) => new Date(Date.now() + count * 86_400_000).toISOString();
const draft = (scopes: readonly string[], more: object = {}) => ({
  name: "Planning",
  scopes,
  expiresAt: days(1),
  ...more,
});

async function create(token: string, scopes: readonly string[], more: object = {}): Promise<NewKey> {
  return (await expectApi<NewKey>("POST /v1/keys", 201, { token, body: draft(scopes, more) })).body;
}
async function list(token: string): Promise<readonly Key[]> {
  return (await expectApi<{ items: Key[] }>("GET /v1/keys", 200, { token })).body.items;
}
async function refused(token: string, body: object): Promise<[number, string, ...(readonly string[])]> {
  const answer = await api<Refusal>("POST /v1/keys", { token, body });
  return [answer.status, answer.body.code, ...(answer.body.errors ?? []).map(({ pointer }) => pointer)];
}

describe.concurrent("a service key", () => {
  it("does the work of its scopes on all surveys of its tenant, and nothing else", async () => {
    const tenant = await newTenant();
    const { surveyId, templateVersionId } = await newSurvey(tenant);
    const scopes = ["surveys:create", "surveys:read", "surveys:send"];
    const { credential: token } = await create(tenant.owner.token, scopes);
    const body = { templateVersionId, guest: { name: "Gerda" }, externalRef: "job 7" };
    const made = await expectApi<{ id: string }>("POST /v1/surveys", 201, { token, body });
    await expectApi(`POST /v1/surveys/${made.body.id}/links`, 201, { token, body: { channel: "none" } });
    await expectApi(`GET /v1/surveys/${surveyId}`, 200, { token });
    const seen = await expectApi<{ items: { id: string }[] }>("GET /v1/surveys", 200, { token });
    expect(seen.body.items.map(({ id }) => id).sort()).toEqual([surveyId, made.body.id].sort());
    for (const [operation, detail] of [
      ["GET /v1/tenant", "No scope of a key allows this"],
      ["GET /v1/keys", "This key does not have the scope keys:manage"],
      ["GET /v1/events", "This key does not have the scope events:read"],
      ["GET /v1/templates", "This key does not have the scope templates:read"],
    ] as const)
      expect((await expectApi<Refusal>(operation, 403, { token })).body).toMatchObject({ code: "forbidden", detail });
    const decision = await api<Refusal>(`POST /v1/surveys/${surveyId}/transitions`, {
      token,
      body: { to: "cancelled" },
    });
    expect([decision.status, decision.body.code]).toEqual([403, "forbidden"]);
  });

  it("ends at once when it is revoked, again and again", async () => {
    const { owner } = await newTenant();
    const { id, credential: token } = await create(owner.token, ["events:read"]);
    await expectApi("GET /v1/events", 200, { token });
    for (let times = 0; times < 2; times++) await expectApi(`DELETE /v1/keys/${id}`, 204, { token: owner.token });
    await expectApi("GET /v1/events", 401, { token });
    expect(await list(owner.token)).toMatchObject([{ id, status: "revoked" }]);
  });

  it("shows its credential when it is made, to a repeat, and nowhere else", async () => {
    const { owner } = await newTenant();
    const request = { token: owner.token, headers: { "idempotency-key": ulid() }, body: draft(["events:read"]) };
    const first = await expectApi<NewKey>("POST /v1/keys", 201, request);
    const again = await expectApi<NewKey>("POST /v1/keys", 201, request);
    expect(again.body).toEqual(first.body);
    const secret = first.body.credential.split(".")[2] ?? "";
    expect(secret).toHaveLength(43);
    const shown = await expectApi("GET /v1/keys", 200, { token: owner.token });
    expect(shown.text).not.toContain(secret);
    expect(shown.text).not.toContain("secretHash");
    expect(await list(owner.token)).toEqual([
      {
        id: first.body.id,
        name: "Planning",
        scopes: ["events:read"],
        expiresAt: expect.any(String) as string,
        status: "active",
        createdBy: owner.id,
        createdAt: expect.any(String) as string,
      },
    ]);
  });

  it("is stored as a hash", async () => {
    const { owner, id: tenantId } = await newTenant();
    const { credential } = await create(owner.token, ["events:read"]);
    const stored = JSON.stringify(await documents(tenantId));
    expect(stored).toContain(secretHash(credential.split(".")[2] ?? ""));
    expect(stored).not.toContain(credential.split(".")[2]);
  });

  it("tells the day of its last use", async () => {
    const { owner } = await newTenant();
    const { credential: token } = await create(owner.token, ["keys:manage"]);
    expect((await list(owner.token))[0]?.lastUsedOn).toBeUndefined();
    await Promise.all([list(token), list(token), list(token)]);
    expect((await list(owner.token))[0]?.lastUsedOn).toBe(new Date().toISOString().slice(0, 10));
  });

  it("lives for a year at most, and not in the past", async () => {
    const { owner } = await newTenant();
    const at = (expiresAt: string) => refused(owner.token, draft(["events:read"], { expiresAt }));
    expect(await at(days(366))).toEqual([400, "invalid_request", "/expiresAt"]);
    expect(await at(days(-1))).toEqual([400, "invalid_request", "/expiresAt"]);
    expect(await at("2026-06-30T23:59:60Z")).toEqual([400, "invalid_request", "/expiresAt"]);
    expect(await refused(owner.token, { name: "x", scopes: ["events:read"] })).toEqual([
      400,
      "invalid_request",
      "/expiresAt",
    ]);
    await create(owner.token, ["events:read"], { expiresAt: days(365) });
  });

  it("has scopes of the closed list, each once", async () => {
    const { owner } = await newTenant();
    for (const wrong of ["surveys:decide", "tenants:manage", "guest:read", "operations:read", "public", "x"])
      expect(await refused(owner.token, draft([wrong]))).toEqual([400, "invalid_request", "/scopes/0"]);
    expect(await refused(owner.token, draft([]))).toEqual([400, "invalid_request", "/scopes"]);
    expect(await refused(owner.token, draft(["events:read", "events:read"]))).toEqual([
      400,
      "invalid_request",
      "/scopes",
    ]);
  });

  const content = ["templates:read", "surveys:read", "videos:read", "videos:play"];
  it.each([
    [["members:manage"], [403, 403, 403, 403]],
    [
      ["members:manage", ...content, "audit:read"],
      [403, 403, 403, 201],
    ],
    [
      ["members:manage", ...content, "surveys:create", "surveys:send"],
      [403, 403, 201, 403],
    ],
  ])("invites nobody who may do what the key itself may not: %s", async (scopes, statuses) => {
    const { owner } = await newTenant();
    const { credential: token } = await create(owner.token, scopes);
    const invited = (role: string) =>
      api<Refusal>("POST /v1/members", { token, body: { email: `${ulid().toLowerCase()}@test.localhost`, role } });
    const answers = await Promise.all(["owner", "admin", "surveyor", "auditor"].map(async (role) => invited(role)));
    expect(answers.map(({ status }) => status)).toEqual(statuses);
    const codes = answers.slice(1).map(({ status, body }) => (status === 201 ? "scope_escalation" : body.code));
    expect([answers[0]?.body.code, ...new Set(codes)]).toEqual(["owner_only", "scope_escalation"]);
  });
});

describe.concurrent("a key made by a key", () => {
  it("does no more than its maker, and does not live longer", async () => {
    const { owner } = await newTenant();
    const maker = await create(owner.token, ["keys:manage", "surveys:read"]);
    const { credential: token } = maker;
    expect(await refused(token, draft(["surveys:read", "events:read", "surveys:create"]))).toEqual([
      403,
      "scope_escalation",
      "/scopes/1",
      "/scopes/2",
    ]);
    expect(await refused(token, draft(["surveys:read"], { expiresAt: days(2) }))).toEqual([
      403,
      "scope_escalation",
      "/expiresAt",
    ]);
    const made = await create(token, ["surveys:read"], { expiresAt: days(0.5) });
    expect(made.createdBy).toBe(maker.id);
    await expectApi("GET /v1/surveys", 200, { token: made.credential });
    await expectApi("POST /v1/keys", 403, { token: made.credential, body: draft(["surveys:read"]) });
  });

  it("ends with its maker, through all generations", async () => {
    const { owner } = await newTenant();
    const scopes = ["keys:manage"];
    const first = await create(owner.token, scopes, { expiresAt: days(4) });
    const second = await create(first.credential, scopes, { expiresAt: days(3) });
    const third = await create(second.credential, scopes, { expiresAt: days(2) });
    const other = await create(owner.token, scopes);
    await expectApi(`DELETE /v1/keys/${first.id}`, 204, { token: owner.token });
    for (const { credential } of [first, second, third]) await expectApi("GET /v1/keys", 401, { token: credential });
    await expectApi("GET /v1/keys", 200, { token: other.credential });
  });

  it("does not survive a revocation at the same time", async () => {
    const { owner } = await newTenant();
    const body = draft(["keys:manage"], { expiresAt: days(0.5) });
    for (let times = 0; times < 5; times++) {
      const { id, credential: token } = await create(owner.token, ["keys:manage"]);
      const [, ...made] = await Promise.all([
        expectApi(`DELETE /v1/keys/${id}`, 204, { token: owner.token }),
        ...[1, 2, 3].map(() => api<NewKey & Refusal>("POST /v1/keys", { token, body })),
      ]);
      for (const { status, body } of made) {
        expect([201, 401]).toContain(status);
        if (status === 201) await expectApi("GET /v1/keys", 401, { token: body.credential });
      }
    }
    expect((await list(owner.token)).filter(({ status }) => status === "active")).toEqual([]);
  });
});

describe.concurrent("a tenant's keys", () => {
  it("are fifty, also when all are made at once; one that has ended makes room", async () => {
    const { owner } = await newTenant();
    const one = () => api<NewKey & Refusal>("POST /v1/keys", { token: owner.token, body: draft(["events:read"]) });
    const answers: Awaited<ReturnType<typeof one>>[] = [];
    while (answers.filter(({ status }) => status === 201).length < 45) answers.push(await one());
    answers.push(...(await Promise.all(Array.from({ length: 20 }, one))));
    const made = answers.filter(({ status }) => status === 201);
    expect(made).toHaveLength(50);
    for (const { status, body } of answers)
      if (status !== 201) expect([status, body.code]).toEqual([409, "quota_exceeded"]);
    const [first] = made;
    await expectApi(`DELETE /v1/keys/${first?.body.id ?? ""}`, 204, { token: owner.token });
    const both = await Promise.all([one(), one()]);
    expect(both.map(({ status }) => status).sort()).toEqual([201, 409]);
    const items = await list(owner.token);
    expect(items).toHaveLength(50);
    expect(items.map(({ id }) => id)).not.toContain(first?.body.id);
  });

  it("begin with one that two make at once", async () => {
    const { owner } = await newTenant();
    const both = await Promise.all([create(owner.token, ["events:read"]), create(owner.token, ["events:read"])]);
    expect((await list(owner.token)).map(({ id }) => id).sort()).toEqual(both.map(({ id }) => id).sort());
  });

  it("are not another's to end", async () => {
    const [one, other] = [await newTenant(), await newTenant()];
    const key = await create(other.owner.token, ["events:read"]);
    const { credential: token } = await create(one.owner.token, ["keys:manage"]);
    await expectApi(`DELETE /v1/keys/${key.id}`, 404, { token });
    await expectApi("GET /v1/events", 200, { token: key.credential });
  });
});
