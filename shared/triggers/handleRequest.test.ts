import { decodeJwt } from "jose";
import { ulid } from "ulid";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { type IssuerForTests, startIssuerForTests } from "../auth/issuerForTests.ts";
import { newLink, newTenant } from "../auth/tenantForTests.ts";
import { openSession, verifyLink } from "../auth/guestSession.ts";
import { secretClient } from "../protection/vault.ts";
import { linkKind } from "../surveys/link.ts";
import { type Member, type MemberRole, memberId, memberKind } from "../members/member.ts";
import { Line, List, Text, Whole, closed, optional, paging } from "../schema.ts";
import { type Boundary, currentBoundary } from "../tenancy/boundary.ts";
import { type DatabaseForTests, insideBoundaryForTests, startDatabaseForTests } from "../tenancy/databaseForTests.ts";
import { factKind } from "../tenancy/fact.ts";
import { Id, newId, prefixes } from "../tenancy/ids.ts";
import { type Entity, defineKind } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { Problem } from "../web/problem.ts";
import { type Contract, Reply, contractOf } from "./contract.ts";
import { endpoint } from "./endpoint.ts";
import { type PlainRequest, type PlainResponse, handleRequest } from "./handleRequest.ts";
import type { LogFields } from "./logLine.ts";
import { maxBodyBytes } from "./requestBody.ts";

interface Note {
  readonly text: string;
  readonly secret: string;
}
const noteKind = defineKind<Note>("note", { schemaVersion: 1, fields: { text: "freeText", secret: "secret" } });
const noteView = ({ id, text }: Entity<Note>) => ({ id, text });
const NoteView = closed({ id: Id(prefixes.survey), text: Text(200) });
const NoteBody = closed({
  text: Text(200),
  tags: optional(List(Line(10), 3)),
  inner: optional(closed({ a: Whole(1, 9) })),
});

const origin = "https://app.example.com";
const requestId = "01M8000000000000000000R0Q1";
const limit = 20;
const guestLimit = 5;
const tenantLimit = 30;

insideBoundaryForTests();

let database: DatabaseForTests;
let issuer: IssuerForTests;
beforeAll(async () => {
  const settings = {
    RATE_LIMIT_PER_MINUTE: String(limit),
    GUEST_RATE_LIMIT_PER_MINUTE: String(guestLimit),
    TENANT_RATE_LIMIT_PER_MINUTE: String(tenantLimit),
    CORS_ORIGINS: origin,
  };
  database = await startDatabaseForTests({ settings });
  issuer = await startIssuerForTests(database.vault);
  await secretClient().setSecret("address-hash-key", "k".repeat(32));
});
afterEach(() => {
  database.cosmos.faults.clear();
});
afterAll(async () => {
  await issuer.close();
  await database.close();
});

/** What ran, in its order. */
let ran: string[] = [];
const of = (options: Parameters<typeof contractOf>[0]): Contract => {
  const contract = contractOf(options);
  if (contract === undefined) throw new Error("no contract");
  return contract;
};

const createNote = of(
  endpoint({
    method: "POST",
    route: "surveys",
    permission: "surveys:create",
    summary: "",
    body: NoteBody,
    success: { status: 201, body: NoteView, etag: true, location: true },
    errors: ["duplicate_ref"],
    handler: async ({ body, tenant }) => {
      ran.push("handler");
      const id = newId(prefixes.survey);
      const committed = await tenant
        .change()
        .create(noteKind, id, { text: body.text, secret: "kept" })
        .remember({ id })
        .commit({ target: id });
      return new Reply({ id, text: body.text }, { etag: committed.etag(id), location: `/v1/surveys/${id}` });
    },
    repeat: async ({ tenant }, { id = "" }) => noteView(await tenant.repository.get(noteKind, id)),
  }),
);

const getNote = of(
  endpoint({
    method: "GET",
    route: "surveys/{surveyId}",
    permission: "surveys:read",
    policy: "wholeTenant",
    summary: "",
    success: { status: 200, body: NoteView, etag: true },
    handler: async ({ params, tenant }) => {
      const note = await tenant.repository.get(noteKind, params.surveyId);
      return new Reply(noteView(note), { etag: note.etag });
    },
  }),
);

const putNote = of(
  endpoint({
    method: "PUT",
    route: "surveys/{surveyId}",
    permission: "surveys:create",
    policy: "wholeTenant",
    summary: "",
    body: NoteBody,
    success: { status: 200, body: closed({ ifMatch: Line(100) }) },
    precondition: "match-or-create",
    handler: ({ ifMatch }) => Promise.resolve({ ifMatch: ifMatch ?? "none" }),
  }),
);
const deleteNote = of(
  endpoint({
    method: "DELETE",
    route: "surveys/{surveyId}",
    permission: "surveys:create",
    policy: "wholeTenant",
    summary: "",
    success: { status: 204 },
    precondition: "match",
    handler: async ({ params, tenant, ifMatch = "" }) => {
      const note = await tenant.repository.get(noteKind, params.surveyId);
      await tenant
        .change()
        .remove({ ...note, etag: ifMatch })
        .commit({ target: note.id });
    },
  }),
);

const found = closed({
  text: optional(Text(20)),
  limit: optional(Whole(1, 100)),
  words: optional(List(Line(5), 3)),
});
/** Needs nothing but itself. */
const echo = of(
  endpoint({
    method: "GET",
    route: "echo",
    unversioned: true,
    permission: "public",
    summary: "",
    query: closed({ ...found.properties, cursor: paging.cursor }),
    success: { status: 200, body: found },
    handler: ({ query }) => Promise.resolve(query),
  }),
);
/** For guests. */
const guestEcho: Contract = { ...echo, permission: "guest:read" };
const failing = (error: () => Error, errors: Contract["errors"] = []): Contract => ({
  ...echo,
  errors,
  handler: () => Promise.reject(error()),
});

interface Sent {
  readonly path?: string;
  readonly params?: Record<string, string>;
  readonly headers?: Record<string, string | undefined>;
  readonly token?: string;
  readonly body?: unknown;
  readonly stream?: PlainRequest["body"];
}
interface Answer extends PlainResponse {
  readonly json: Record<string, unknown>;
  readonly logged: [level: string, fields: LogFields][];
}

let hosts = 0;
async function send(contract: Contract, sent: Sent = {}): Promise<Answer> {
  const { path = "/v1/surveys", params = {}, token, body, headers: given = {} } = sent;
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const address = `198.51.${Math.floor(++hosts / 250)}.${hosts % 250}:40000`;
  const headers = new Headers({ "x-forwarded-for": address });
  if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
  if (body !== undefined) headers.set("content-type", "application/json");
  for (const [name, value] of Object.entries(given))
    if (value === undefined) headers.delete(name);
    else headers.set(name, value);
  const logged: Answer["logged"] = [];
  const response = await handleRequest(contract, {
    operation: "testOperation",
    url: `https://localhost${path}`,
    params,
    headers,
    body: sent.stream ?? (body === undefined ? null : new Blob([text]).stream()),
    log: (level, fields) => logged.push([level, fields]),
  });
  const json = response.body?.startsWith("{") === true ? (JSON.parse(response.body) as Answer["json"]) : {};
  return { ...response, json, logged };
}

async function signedIn(
  role: MemberRole = "owner",
  of?: TenantScope,
): Promise<{ tenant: TenantScope; token: string; id: string }> {
  const tenant = of ?? (await newTenant());
  const email = `${ulid().toLowerCase()}@example.com`;
  const token = await issuer.signIn(email, tenant.tenantId);
  const id = memberId(issuer.url, String(decodeJwt(token).sub));
  const fields: Member = { email, role, status: "active" };
  await tenant.change().create(memberKind, id, fields).record();
  return { tenant, token, id };
}

/** A guest's session on a link of their own. */
async function guestOf(tenant: TenantScope): Promise<string> {
  const { token } = await newLink(tenant);
  return (await openSession(await verifyLink(token))).bearer;
}

const expectProblem = (answer: Answer, status: number, code: string) => {
  expect(answer.json).toMatchObject({ status, code, type: `urn:callpilot:problem:${code}` });
  expect(answer.status).toBe(status);
  expect(answer.headers["content-type"]).toBe("application/problem+json; charset=utf-8");
  expect(answer.json["requestId"]).toBe(answer.headers["x-request-id"]);
};
const errorsOf = ({ json }: Answer) => (json["errors"] ?? []) as { pointer: string; code: string }[];

describe("the order of the checks", () => {
  it("is credential, permission, parameters, body, contract, precondition, handler", async () => {
    const { tenant, token } = await signedIn("auditor");
    const owner = (await signedIn()).token;
    const params = { surveyId: "x" };
    const huge = { "content-length": String(maxBodyBytes + 1) };
    const wrong = { params, headers: huge, body: "{" };
    expectProblem(await send(putNote, wrong), 401, "unauthenticated");
    const forbidden = await send(putNote, { ...wrong, token });
    expectProblem(forbidden, 403, "forbidden");
    expect(forbidden.json["detail"]).toBe("Your role does not allow this");
    expectProblem(await send(putNote, { ...wrong, token: owner }), 404, "not_found");
    const known = { params: { surveyId: newId(prefixes.survey) }, token: owner };
    expectProblem(await send(putNote, { ...known, headers: huge, body: "{" }), 413, "body_too_large");
    expectProblem(await send(putNote, { ...known, body: "{" }), 400, "malformed_json");
    expectProblem(await send(putNote, { ...known, body: {} }), 400, "invalid_request");
    expectProblem(await send(putNote, { ...known, body: { text: "x" } }), 428, "precondition_required");
    const facts = (await tenant.repository.list(factKind)).items;
    expect(facts.map(({ action, denied }) => [action, denied])).toEqual([["testOperation", "forbidden"]]);
  });

  it("runs no handler for anything that is refused before it", async () => {
    ran = [];
    await send(createNote, { body: { text: "x" } });
    await send(createNote, { token: (await signedIn("auditor")).token, body: { text: "x" } });
    await send(createNote, { token: (await signedIn()).token, body: { text: 1 } });
    expect(ran).toEqual([]);
  });
});

describe("a credential", () => {
  it.each([
    ["none", undefined],
    ["another scheme", "Basic YTpi"],
    ["no token", "Bearer "],
    ["a short one", "Bearer short"],
    ["two", `Bearer ${"x".repeat(20)} ${"y".repeat(20)}`],
    ["one too long", `Bearer ${"x".repeat(9000)}`],
  ])("is asked for in the way of RFC 6750: %s", async (_name, authorization) => {
    const answer = await send(getNote, { headers: { authorization }, params: { surveyId: newId(prefixes.survey) } });
    expectProblem(answer, 401, "unauthenticated");
    expect(answer.headers["www-authenticate"]).toBe("Bearer");
  });

  it("of a guest whose link has ended is told so, as the contract declares", async () => {
    const tenant = await newTenant();
    const { id, token } = await newLink(tenant);
    const { bearer } = await openSession(await verifyLink(token));
    const link = await tenant.repository.get(linkKind, id);
    await tenant.change().patch(linkKind, link, { status: "replaced" }).record();
    const answer = await send({ ...getNote, route: "guest/survey", permission: "guest:read" }, { token: bearer });
    expectProblem(answer, 410, "link_replaced");
    expect(answer.logged.map(([, { event }]) => event)).toEqual(["request"]);
  });
});

describe("a body", () => {
  let token: string;
  beforeAll(async () => {
    ({ token } = await signedIn());
  });
  const invalid = async (body: unknown) => {
    const { token: fresh } = await signedIn();
    const answer = await send(createNote, { token: fresh, body });
    expectProblem(answer, 400, "invalid_request");
    return errorsOf(answer)[0];
  };

  it("has to be there, as JSON, and to be JSON", async () => {
    expectProblem(await send(createNote, { token }), 400, "empty_body");
    expectProblem(await send(createNote, { token, body: "" }), 400, "empty_body");
    expectProblem(await send(createNote, { token, body: "{'text':1}" }), 400, "malformed_json");
    const headers = { "content-type": "text/plain" };
    expectProblem(await send(createNote, { token, body: { text: "x" }, headers }), 415, "unsupported_media_type");
  });

  it("has at most 1 MiB, declared or not", async () => {
    const filled = (size: number) => JSON.stringify({ text: "x" }).padEnd(size, " ");
    expect((await send(createNote, { token, body: filled(maxBodyBytes) })).status).toBe(201);
    const tooLong = filled(maxBodyBytes + 1);
    expectProblem(await send(createNote, { token, body: tooLong }), 413, "body_too_large");
    const headers = { "content-length": String(maxBodyBytes + 1) };
    expectProblem(await send(createNote, { token, body: { text: "x" }, headers }), 413, "body_too_large");
  });

  it.each([
    [{ text: "x", id: "svy_1" }, "/id", "unknown_field"],
    [{ text: "x", tenantId: "tnt_1" }, "/tenantId", "unknown_field"],
    [{ text: "x", inner: { a: 1, "b/~": 1 } }, "/inner/b~1~0", "unknown_field"],
    ['{"text":"x","__proto__":{"a":1}}', "/__proto__", "unknown_field"],
    ['{"text":"x","inner":{"a":1,"constructor":1}}', "/inner/constructor", "unknown_field"],
    [{}, "/text", "required"],
    [{ text: 1 }, "/text", "type"],
    [{ text: "x", tags: ["a", 2] }, "/tags/1", "type"],
    [{ text: "x".repeat(201) }, "/text", "maxLength"],
    [{ text: "x", tags: ["a", "b", "c", "d"] }, "/tags", "maxItems"],
    [{ text: "x", tags: ["a\nb"] }, "/tags/0", "pattern"],
    [{ text: "x", inner: { a: 10 } }, "/inner/a", "maximum"],
    [[], "", "type"],
    ["null", "", "type"],
    [{ text: "a\u0000b" }, "/text", "text"],
    ['{"text":"\\ud83d"}', "/text", "text"],
    ['{"text":"a","text":"b"}', "", "repeated"],
    ["[".repeat(50) + "]".repeat(50), "", "too_complex"],
  ])("that does not match is told where: %j", async (body, pointer, code) => {
    expect(await invalid(body)).toMatchObject({ pointer, code });
  });

  it("is stored as it was meant: composed, not escaped", async () => {
    const { token: fresh } = await signedIn();
    const answer = await send(createNote, { token: fresh, body: { text: "<b>u\u0308&\u2028</b>" } });
    expect(answer.json["text"]).toBe("<b>\u00fc&\u2028</b>");
    expect(answer.body).not.toMatch(/[<>&\u2028]/u);
  });
});

describe("a query", () => {
  const ask = (query: string) => send(echo, { path: `/echo?${query}` });

  it("is typed by its contract", async () => {
    expect((await ask("limit=7&words=a,b&text=u%CC%88")).json).toEqual({
      limit: 7,
      words: ["a", "b"],
      text: "\u00fc",
    });
  });

  it.each([
    ["limit=1&limit=1", "/limit", "repeated"],
    ["limit=1&%6Cimit=2", "/limit", "repeated"],
    ["other=1", "/other", "unknown_field"],
    ["__proto__=1", "/__proto__", "unknown_field"],
    ["a%2Fb~=1", "/a~1b~0", "unknown_field"],
    ["limit[]=1", "/limit[]", "unknown_field"],
    ["limit=0", "/limit", "minimum"],
    ["limit=101", "/limit", "maximum"],
    ["limit=1e1", "/limit", "type"],
    ["limit=0x10", "/limit", "type"],
    ["limit=", "/limit", "type"],
    ["limit=%201", "/limit", "type"],
    ["words=a,b,c,d", "/words", "maxItems"],
    ["text=%00", "/text", "text"],
    ["cursor=", "/cursor", "minLength"],
  ])("that does not match is told where: %s", async (query, pointer, code) => {
    const answer = await ask(query);
    expectProblem(answer, 400, "invalid_request");
    expect(errorsOf(answer)[0]).toMatchObject({ pointer, code });
  });

  it("is not there where the contract has none", async () => {
    const { token } = await signedIn();
    const params = { surveyId: newId(prefixes.survey) };
    expectProblem(await send(getNote, { token, params, path: "/v1/surveys/x?tenantId=y" }), 400, "invalid_request");
  });
});

describe("a resource", () => {
  async function made() {
    const { tenant, token } = await signedIn();
    const created = await send(createNote, { token, body: { text: "x" } });
    expect(created.status).toBe(201);
    return { tenant, token, id: String(created.json["id"]), etag: String(created.headers["etag"]), created };
  }

  it("that is made says where it is and which version", async () => {
    const { id, token, etag, created } = await made();
    expect(created.headers["location"]).toBe(`https://localhost/v1/surveys/${id}`);
    const got = await send(getNote, { token, params: { surveyId: id } });
    expect(got.headers["etag"]).toBe(etag);
    expect(got.json).toEqual(created.json);
  });

  it("is the same 404 if it is missing, of another tenant, or its id is none", async () => {
    const { id, token } = await made();
    const other = (await signedIn()).token;
    const shown = async (surveyId: string, bearer: string) => {
      const headers = { "x-request-id": requestId, "x-forwarded-for": "203.0.113.1" };
      const { status, body, headers: answered } = await send(getNote, { token: bearer, params: { surveyId }, headers });
      return { status, body, names: Object.keys(answered).sort() };
    };
    const foreign = await shown(id, other);
    expect(foreign.status).toBe(404);
    for (const none of [
      newId(prefixes.survey),
      newId(prefixes.video),
      "x",
      "",
      "..",
      `${id} `,
      `${id}\n`,
      id.toLowerCase(),
    ])
      expect(await shown(none, token), none).toEqual(foreign);
  });

  it("is not sent again to who has it", async () => {
    const { id, token, etag } = await made();
    const get = (none: string) =>
      send(getNote, { token, params: { surveyId: id }, headers: { "if-none-match": none } });
    for (const none of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
      const answer = await get(none);
      expect(answer.status).toBe(304);
      expect(answer.body).toBeUndefined();
      expect(answer.headers).toMatchObject({ etag });
      expect(answer.headers["content-type"]).toBeUndefined();
    }
    expect((await get('"other"')).status).toBe(200);
  });

  it("is changed by who names its version only", async () => {
    const { id, token, etag } = await made();
    const remove = (ifMatch?: string) =>
      send(deleteNote, { token, params: { surveyId: id }, headers: { "if-match": ifMatch } });
    expectProblem(await remove(), 428, "precondition_required");
    expectProblem(await remove("*"), 400, "invalid_precondition");
    expectProblem(await remove('"other"'), 412, "stale");
    expectProblem(await remove(`"${"a".repeat(36)}.${"b".repeat(11)}"`), 412, "stale");
    const removed = await remove(etag);
    expect([removed.status, removed.body]).toEqual([204, undefined]);
    expectProblem(await remove(etag), 404, "not_found");
  });

  it("is made or replaced by who says which", async () => {
    const { token } = await signedIn();
    const put = (headers: Record<string, string>) =>
      send(putNote, { token, params: { surveyId: newId(prefixes.survey) }, headers, body: { text: "x" } });
    expect((await put({ "if-none-match": "*" })).json).toEqual({ ifMatch: "none" });
    expect((await put({ "if-match": `"v1.${"b".repeat(11)}"` })).json).toEqual({ ifMatch: '"v1"' });
    expectProblem(await put({ "if-none-match": '"x"' }), 400, "invalid_precondition");
    expectProblem(await put({}), 428, "precondition_required");
  });
});

it("a route that names a thing reaches nothing without a policy", async () => {
  const { tenant, token } = await signedIn();
  const id = newId(prefixes.survey);
  await tenant.change().create(noteKind, id, { text: "x", secret: "s" }).record();
  const { policy, ...undecided } = getNote;
  expect(policy).toBe("wholeTenant");
  expectProblem(await send(undecided, { token, params: { surveyId: id } }), 404, "not_found");
  expect((await send(getNote, { token, params: { surveyId: id } })).status).toBe(200);
});

describe("an answer", () => {
  it("holds what its contract names and nothing else of what is stored", async () => {
    const { tenant, token } = await signedIn();
    const id = newId(prefixes.survey);
    await tenant.change().create(noteKind, id, { text: "x", secret: "s" }).record();
    const leaky: Contract = {
      ...getNote,
      handler: async () => new Reply(await tenant.repository.get(noteKind, id), {}),
    };
    expect((await send(leaky, { token, params: { surveyId: id } })).json).toEqual({ id, text: "x" });
  });

  it.each([{ id: "svy_1", text: "x" }, { id: newId(prefixes.survey) }, null, "x", undefined])(
    "that breaks its contract is an error of ours and shows nothing: %j",
    async (value) => {
      const answer = await send({
        ...echo,
        success: { status: 200, body: NoteView },
        handler: () => Promise.resolve(value),
      });
      expectProblem(answer, 500, "internal");
      expect(answer.json).not.toHaveProperty("detail");
      expect(answer.logged.map(([level, { event }]) => [level, event])).toEqual([
        ["error", "unexpected_error"],
        ["error", "request"],
      ]);
    },
  );

  it.each(["200", "problem", "304"])("carries the security headers: %s", async (kind) => {
    const answer = kind === "problem" ? await send(echo, { path: "/echo?x=1" }) : await send(echo);
    expect(answer.headers).toMatchObject({
      "x-content-type-options": "nosniff",
      "content-security-policy": expect.stringContaining("default-src 'none'") as string,
      "strict-transport-security": expect.stringContaining("max-age=") as string,
      "referrer-policy": "no-referrer",
      "x-frame-options": "DENY",
      "cache-control": "no-store",
      "cross-origin-resource-policy": "same-origin",
      vary: "Origin",
    });
  });

  it("may be read by the pages of allowed origins, exactly", async () => {
    const ask = async (from: string) => (await send(echo, { headers: { origin: from } })).headers;
    expect(await ask(origin)).toMatchObject({
      "access-control-allow-origin": origin,
      "access-control-expose-headers": expect.stringContaining("ETag") as string,
      "cross-origin-resource-policy": "cross-origin",
      vary: "Origin",
    });
    for (const other of [
      "null",
      "*",
      `${origin}.evil.example`,
      `${origin}:443`,
      "http://app.example.com",
      `${origin}/`,
    ]) {
      const headers = await ask(other);
      expect(Object.keys(headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
      expect(headers["vary"]).toBe("Origin");
    }
  });

  it("may be read by those pages if it is a problem, too", async () => {
    const { headers } = await send(getNote, { headers: { origin } });
    expect(headers["access-control-allow-origin"]).toBe(origin);
  });
});

describe("the request's id", () => {
  it("is the client's own where that is one", async () => {
    for (const id of [requestId, "0f8fad5b-d9cb-469f-a165-70867728950e", "0af7651916cd43dd8448eb211c80319c"])
      expect((await send(echo, { headers: { "x-request-id": id } })).headers["x-request-id"]).toBe(id);
  });
  it("is a new one otherwise", async () => {
    for (const id of [
      "short",
      "request-1",
      "max.mustermann.0171234567",
      "x".repeat(32),
      requestId.toLowerCase(),
      "has space",
      "a@example.com",
      "<script>12",
      'quo"te12',
      "",
    ])
      expect((await send(echo, { headers: { "x-request-id": id } })).headers["x-request-id"]).toMatch(
        /^[0-9A-Z]{26}$/u,
      );
  });
});

describe("the rate limit", () => {
  const params = () => ({ surveyId: newId(prefixes.survey) });
  const exhaust = async (count: number, request: () => Promise<unknown>) => {
    for (let sent = 0; sent < count; sent++) await request();
  };
  const expectRefusal = (refused: Answer, policy: string) => {
    expectProblem(refused, 429, "rate_limited");
    expect(refused.json["violated-policies"]).toEqual([policy]);
    expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
    expect(Number(refused.headers["retry-after"])).toBeLessThanOrEqual(60);
  };

  it("counts a caller wherever they come from, and says how far they and their tenant are", async () => {
    const { token } = await signedIn();
    const first = await send(getNote, { token, params: params() });
    expect(first.headers).toMatchObject({
      "ratelimit-policy": `"caller";q=${limit};w=60, "tenant";q=${tenantLimit};w=60`,
      ratelimit: `"caller";r=${limit - 1};t=60, "tenant";r=${tenantLimit - 1};t=60`,
    });
    await exhaust(limit - 1, () => send(getNote, { token, params: params() }));
    const refused = await send(getNote, { token, params: params() });
    expectRefusal(refused, "caller");
    expect(refused.headers).toMatchObject({ "ratelimit-policy": `"caller";q=${limit};w=60` });
    expect((await send(getNote, { token: (await signedIn()).token, params: params() })).status).toBe(404);
  });

  it("counts a guest by the link, with less than a member has and without a word on the tenant", async () => {
    const tenant = await newTenant();
    const [guest, another] = [await guestOf(tenant), await guestOf(tenant)];
    const first = await send(guestEcho, { token: guest });
    expect(first.headers).toMatchObject({
      "ratelimit-policy": `"guest";q=${guestLimit};w=60`,
      ratelimit: `"guest";r=${guestLimit - 1};t=60`,
    });
    await exhaust(guestLimit - 1, () => send(guestEcho, { token: guest }));
    expectRefusal(await send(guestEcho, { token: guest }), "guest");
    expect((await send(guestEcho, { token: another })).status).toBe(200);
  });

  it("counts a tenant's callers together, guests included, and no other tenant's", async () => {
    const { tenant, token } = await signedIn();
    const guests = await Promise.all(Array.from({ length: tenantLimit / guestLimit }, () => guestOf(tenant)));
    for (const guest of guests) await exhaust(guestLimit, () => send(guestEcho, { token: guest }));
    // What a caller was refused for already is not counted again for the tenant.
    for (const guest of guests) expectRefusal(await send(guestEcho, { token: guest }), "guest");
    const refused = await send(getNote, { token, params: params() });
    expectRefusal(refused, "tenant");
    expect(refused.headers["ratelimit"]).toMatch(/"tenant";r=0;t=\d+$/u);
    expectRefusal(await send(guestEcho, { token: await guestOf(tenant) }), "tenant");
    expect((await send(getNote, { token: (await signedIn()).token, params: params() })).status).toBe(404);
  });

  it("counts an address before anything is known of who asks", async () => {
    const from = (host: number) => ({ "x-forwarded-for": `10.0.0.1, [2001:db8::${host.toString(16)}]:443` });
    for (let count = 0; count < 4 * limit; count++)
      expectProblem(await send(getNote, { headers: from(count) }), 401, "unauthenticated");
    const refused = await send(getNote, { headers: from(9999) });
    expectProblem(refused, 429, "rate_limited");
    expect(refused.headers["retry-after"]).toBeDefined();
    expect((await send(getNote)).status).toBe(401);
  });
});

describe("an Idempotency-Key", () => {
  const post = (token: string, key: string, body: unknown = { text: "x" }, path = "/v1/surveys") =>
    send(createNote, { token, path, headers: { "idempotency-key": key }, body });

  it("makes a repeat the same effect and the same answer", async () => {
    const { tenant, token } = await signedIn();
    const first = await post(token, "key-1");
    const again = await post(token, "key-1");
    expect(again).toMatchObject({ status: 201, json: first.json, headers: { "idempotent-replayed": "true" } });
    expect(first.headers["idempotent-replayed"]).toBeUndefined();
    expect((await tenant.repository.list(factKind)).items).toHaveLength(1);
    expect((await post(token, "key-2")).json["id"]).not.toBe(first.json["id"]);
  });

  it("is for one request only", async () => {
    const { token } = await signedIn();
    await post(token, "key-1");
    expectProblem(await post(token, "key-1", { text: "y" }), 422, "idempotency_mismatch");
    expectProblem(await post(token, "key-1", '{"text": "x"}'), 422, "idempotency_mismatch");
    expectProblem(await post(token, "key-1", { text: "x" }, "/v1/other"), 422, "idempotency_mismatch");
  });

  it("is the caller's own", async () => {
    const one = await signedIn();
    const [colleague, other] = [await signedIn("admin", one.tenant), await signedIn()];
    const answers = [one, colleague, other].map(({ token }) => post(token, "key-1"));
    const ids = (await Promise.all(answers)).map(({ status, json }) => `${status} ${String(json["id"])}`);
    expect(new Set(ids).size).toBe(3);
  });

  it.each(["", " ", "ä", "x".repeat(256), "a b"])("that is none is refused: %j", async (key) => {
    const { token } = await signedIn();
    expectProblem(await post(token, key), 400, "invalid_idempotency_key");
  });

  it("lets five at once have one effect and the same answer", async () => {
    const { tenant, token } = await signedIn();
    const answers = await Promise.all(Array.from({ length: 5 }, () => post(token, "key-1")));
    expect(new Set(answers.map(({ status, json }) => JSON.stringify([status, json]))).size).toBe(1);
    expect(answers.filter(({ headers }) => headers["idempotent-replayed"] === undefined)).toHaveLength(1);
    expect((await tenant.repository.list(factKind)).items).toHaveLength(1);
  });

  it("answers a repeat that finds the first one's effect already there and would fail on it", async () => {
    const { token } = await signedIn();
    const racing: Contract = {
      ...createNote,
      handler: async (input) => {
        await createNote.handler(input);
        throw new Problem("duplicate_ref");
      },
    };
    const headers = { "idempotency-key": "key-1" };
    const answer = await send(racing, { token, headers, body: { text: "x" } });
    expect(answer).toMatchObject({ status: 201, headers: { "idempotent-replayed": "true" } });
  });

  it("leaves nothing behind of a request that failed", async () => {
    const { token } = await signedIn();
    const headers = { "idempotency-key": "key-1" };
    const refusing: Contract = { ...createNote, handler: () => Promise.reject(new Problem("duplicate_ref")) };
    expectProblem(await send(refusing, { token, headers, body: { text: "x" } }), 409, "duplicate_ref");
    expect((await post(token, "key-1")).status).toBe(201);
  });

  it("is not looked at where repeating changes nothing", async () => {
    const { token } = await signedIn();
    const natural: Contract = { ...createNote, repeat: "natural" };
    const headers = { "idempotency-key": "key-1" };
    const ids = [1, 2].map(async () => (await send(natural, { token, headers, body: { text: "x" } })).json["id"]);
    expect(new Set(await Promise.all(ids)).size).toBe(2);
  });
});

describe("a failure", () => {
  it("that nobody expected says nothing but that", async () => {
    const answer = await send(failing(() => new Error("anna@example.com at 10.0.0.1")));
    expectProblem(answer, 500, "internal");
    expect(answer.json).toEqual({
      type: "urn:callpilot:problem:internal",
      title: "Something went wrong on our side",
      status: 500,
      code: "internal",
      requestId: answer.headers["x-request-id"],
    });
  });

  it.each([null, undefined, "text", { code: "not_found", status: 404 }])(
    "may be thrown as anything: %j",
    async (thrown) => {
      expectProblem(await send(failing(() => thrown as unknown as Error)), 500, "internal");
    },
  );

  it("of a service that we depend on is one of availability", async () => {
    const ours = ["KeyRingUnavailable", "SecretUnavailable", "StorageUnavailable", "VaultUnavailable"];
    // Of the identity, where App Service's endpoint gives no token, or answers without one.
    const tokenless = ["CredentialUnavailableError", "AuthenticationRequiredError", "IdentityUnavailable"];
    for (const name of ["RestError", ...tokenless, ...ours]) {
      const answer = await send(failing(() => Object.assign(new Error("x"), { name })));
      expectProblem(answer, 503, "unavailable");
      expect(answer.headers["retry-after"]).toBe("2");
      expect(answer.logged.map(([, { event }]) => event)).toEqual(["failed", "request"]);
    }
  });

  it("of several services is logged for each of them", async () => {
    const away = (code: string) => Object.assign(new Error("x"), { code });
    const cause = new AggregateError([away("storage"), away("key-ring")]);
    const { logged } = await send(failing(() => new Problem("unavailable", { cause })));
    expect(logged.map(([, { event, code }]) => [event, code])).toEqual([
      ["failed", "storage"],
      ["failed", "key-ring"],
      ["request", "unavailable"],
    ]);
  });

  it("of the database is one of availability", async () => {
    const { tenant, token } = await signedIn();
    const partitionKey = JSON.stringify([tenant.tenantId]);
    database.cosmos.faults.add({ status: 503, operation: "document.batch", partitionKey, times: 4 });
    expectProblem(await send(createNote, { token, body: { text: "x" } }), 503, "unavailable");
    database.cosmos.faults.add({ status: 449, operation: "document.read", partitionKey });
    expectProblem(await send(createNote, { token, body: { text: "x" } }), 503, "unavailable");
  });

  it("that the contract does not declare is answered, and logged as ours", async () => {
    const answer = await send(failing(() => new Problem("last_owner")));
    expectProblem(answer, 409, "last_owner");
    expect(answer.logged[0]).toMatchObject(["error", { event: "undeclared_problem", code: "last_owner" }]);
    const declared = await send(failing(() => new Problem("last_owner"), ["last_owner"]));
    expect(declared.logged).toHaveLength(1);
  });
});

describe("the run of a request", () => {
  const inside: (Boundary | undefined)[] = [];
  const looking = (contract: Contract): Contract => ({
    ...contract,
    handler: (input) => {
      inside.push(currentBoundary());
      return contract.handler(input);
    },
  });
  const admitted = () => [...(inside.at(-1)?.admitted ?? ["nobody was asked"])];

  it("is for the caller's tenant only, and none where the caller has none", async () => {
    const { tenant, token } = await signedIn();
    const headers = { "x-request-id": requestId };
    await send(looking(createNote), { token, headers, body: { text: "x" } });
    expect(admitted()).toEqual([tenant.tenantId]);
    expect(inside.at(-1)?.requestId).toBe(requestId);
    await send(looking(echo));
    expect(admitted()).toEqual([]);
  });
});

describe("the log", () => {
  const allowed =
    "event requestId databaseRequests traceId tenantId caller method status code milliseconds error at".split(" ");

  it("has one line for a request, with ids and numbers only", async () => {
    const { tenant, token, id } = await signedIn();
    const canary = "canary-anna@example.com";
    const headers = {
      "x-request-id": requestId,
      traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01`,
      "user-agent": canary,
      "x-forwarded-for": "203.0.113.77:1",
    };
    const { logged } = await send(createNote, { token, headers, body: { text: canary }, path: `/v1/surveys` });
    expect(logged).toEqual([
      [
        "info",
        {
          event: "request",
          method: "POST",
          status: 201,
          milliseconds: expect.any(Number) as number,
          requestId,
          databaseRequests: 3,
          traceId: "a".repeat(32),
          tenantId: tenant.tenantId,
          caller: id,
        },
      ],
    ]);
    const wrong = await send(createNote, {
      token,
      headers,
      body: { [canary]: canary },
      path: `/v1/surveys?q=${canary}`,
    });
    const lines = JSON.stringify([...logged, ...wrong.logged]);
    for (const secret of [canary, "203.0.113.77", token]) expect(lines).not.toContain(secret);
  });

  it("keeps of an address only what tells two apart", async () => {
    const { tenant, token } = await signedIn();
    for (const address of ["203.0.113.1:1", "203.0.113.1:2", "203.0.113.2:1"])
      await send(createNote, { token, headers: { "x-forwarded-for": address }, body: { text: "x" } });
    const sources = (await tenant.repository.list(factKind)).items.map(({ source }) => source);
    expect(sources).toHaveLength(3);
    expect(new Set(sources).size).toBe(2);
    for (const source of sources) expect(source).toMatch(/^[0-9a-f]{32}$/u);
  });

  it("says nothing that an error says, but on the developer's machine", async () => {
    vi.resetModules();
    vi.stubEnv("CALLPILOT_ENVIRONMENT", "production");
    vi.stubEnv("CALLPILOT_ROLE", "api");
    vi.stubEnv("MALWARE_GATE", "defender");
    const { handleRequest: inProduction } = await import("./handleRequest.ts");
    const canary = "anna@example.com";
    const lines: [string, LogFields][] = [];
    const { status, body } = await inProduction(
      failing(() => Object.assign(new Error(`a\n    at ${canary}`), { cause: canary, details: canary })),
      {
        operation: "echo",
        url: "https://localhost/echo",
        params: {},
        headers: new Headers(),
        body: null,
        log: (level, fields) => lines.push([level, fields]),
      },
    );
    vi.stubEnv("CALLPILOT_ENVIRONMENT", "local");
    vi.stubEnv("CALLPILOT_ROLE", "all");
    expect(status).toBe(500);
    expect(JSON.stringify([body, lines])).not.toContain(canary);
    expect(lines.map(([level, { event, error }]) => [level, event, error])).toEqual([
      ["error", "unexpected_error", "Error"],
      ["error", "request", undefined],
    ]);
    for (const [, fields] of lines) expect(allowed).toEqual(expect.arrayContaining(Object.keys(fields)));
  });
});

it("needs neither the database nor the vault for what is not versioned", async () => {
  const before = database.cosmos.requests.latest;
  expect((await send(echo)).status).toBe(200);
  expect(database.cosmos.requests.latest).toBe(before);
});
