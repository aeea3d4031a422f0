import { ulid } from "ulid";
import { beforeAll, expect, inject, test } from "vitest";
import { newestMail } from "../../local/client.ts";
import { type Person, type TestTenant, api, expectApi, newSurvey, newTenant, openSession } from "../support/tenant.ts";

interface Survey {
  readonly id: string;
  readonly state: string;
  readonly assigneeId?: string;
  readonly externalRef?: string;
  readonly dueAt?: string;
  readonly changes?: { readonly reason: string; readonly questionIds: readonly string[] };
  readonly answers?: object;
  readonly videos?: readonly object[];
  readonly updatedAt: string;
}
interface Link {
  readonly id: string;
  readonly url: string;
  readonly expiresAt: string;
  readonly channel: string;
}
interface Refusal {
  readonly code: string;
  readonly allowed?: readonly string[];
  readonly errors?: readonly { readonly pointer: string; readonly code: string }[];
}

let tenant: TestTenant;
let surveyor: Person;
let templateVersionId: string;
beforeAll(async () => {
  tenant = await newTenant();
  surveyor = await tenant.join("surveyor");
  ({ templateVersionId } = await newSurvey(tenant));
});

const guest = { name: "Gerda Guest", email: "gerda@guest.localhost", phone: "+4915112345678", locale: "de-AT" };

async function create(more: object = {}, { token } = tenant.owner, headers: Record<string, string> = {}) {
  return await api<Survey & Refusal>("POST /v1/surveys", {
    token,
    headers,
    body: { templateVersionId, guest, ...more },
  });
}

async function link(surveyId: string, body: object = { channel: "none" }, headers: Record<string, string> = {}) {
  return await api<Link & Refusal>(`POST /v1/surveys/${surveyId}/links`, { token: tenant.owner.token, body, headers });
}

async function decide(surveyId: string, body: object, { token } = tenant.owner, headers: Record<string, string> = {}) {
  return await api<Survey & Refusal>(`POST /v1/surveys/${surveyId}/transitions`, { token, body, headers });
}

async function show(surveyId: string, { token } = tenant.owner) {
  return await api<Survey & Refusal>(`GET /v1/surveys/${surveyId}`, { token });
}

async function list(query: string, { token } = tenant.owner) {
  return await api<{ items: Survey[]; nextCursor?: string } & Refusal>(`GET /v1/surveys?${query}`, { token });
}

/** A survey that its guest has submitted. */
async function submitted() {
  const made = await newSurvey(tenant, { questions: [{ id: "name", type: "text", label: "Name", required: true }] });
  await expectApi("PUT /v1/guest/answers/name", 200, { token: made.guest, body: { value: "Gerda" } });
  await expectApi("POST /v1/guest/submit", 200, { token: made.guest });
  return made;
}

test("a survey is created, shown at its Location and in the list", async () => {
  const { status, body, headers } = await create({
    externalRef: "CASE-1",
    assigneeId: surveyor.id,
    dueAt: "2030-05-01T12:00:00+02:00",
  });
  expect(status).toBe(201);
  expect(body).toMatchObject({
    state: "draft",
    templateVersionId,
    guest,
    externalRef: "CASE-1",
    assigneeId: surveyor.id,
    dueAt: "2030-05-01T10:00:00.000Z",
  });
  expect(headers.get("location")).toBe(`${inject("stack").apiUrl}/v1/surveys/${body.id}`);
  const shown = await show(body.id);
  expect(shown.body).toEqual({ ...body, answers: {}, videos: [] });
  expect(shown.headers.get("etag")).toMatch(/^"[\w-]+\.[\w-]{11}"$/u);
  expect((await list("externalRef=CASE-1")).body.items).toEqual([body]);
});

test("unchanged surveys are not sent again", async () => {
  const { body } = await create();
  const { headers } = await show(body.id);
  const again = await api(`GET /v1/surveys/${body.id}`, {
    token: tenant.owner.token,
    headers: { "if-none-match": headers.get("etag") ?? "" },
  });
  expect(again.status).toBe(304);
});

test("an external reference is used once, however it is written, also at once", async () => {
  const reference = `Ref-${ulid()}`;
  const answers = await Promise.all(
    [reference, reference.toUpperCase(), reference.toLowerCase()].map((externalRef) => create({ externalRef })),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
  expect(answers.find(({ status }) => status === 409)?.body.code).toBe("duplicate_ref");
});

test("what the tenant does not have is refused at its place", async () => {
  const other = await newTenant();
  const unknownVersion = await create({ templateVersionId: `tpv_${ulid()}` });
  expect(unknownVersion.status).toBe(400);
  expect(unknownVersion.body.errors?.[0]).toMatchObject({ pointer: "/templateVersionId", code: "unknown" });
  const foreignVersion = await api<Refusal>("POST /v1/surveys", {
    token: other.owner.token,
    body: { templateVersionId, guest },
  });
  expect(foreignVersion.body.errors).toEqual(unknownVersion.body.errors);
  const foreignMember = await create({ assigneeId: other.owner.id });
  expect(foreignMember.body.errors?.[0]).toMatchObject({ pointer: "/assigneeId", code: "unknown" });
  const auditor = await tenant.join("auditor");
  expect((await create({ assigneeId: auditor.id })).body.errors?.[0]?.pointer).toBe("/assigneeId");
  expect((await create({}, auditor)).status).toBe(403);
  expect((await create({ state: "completed" })).body.errors?.[0]).toMatchObject({ pointer: "/state" });
});

test("the quota of surveys holds against many at once, and a refused one leaves nothing behind", async () => {
  const small = await newTenant("trial");
  const made = await newSurvey(small);
  const answers = await Promise.all(
    Array.from({ length: 53 }, (_, at) =>
      api<Survey & Refusal>("POST /v1/surveys", {
        token: small.owner.token,
        body: { templateVersionId: made.templateVersionId, guest, externalRef: `many-${at}` },
      }),
    ),
  );
  const refused = answers.filter(({ status }) => status !== 201);
  expect(refused.map(({ body }) => body.code)).toEqual(Array.from({ length: 4 }, () => "quota_exceeded"));
  const all = await expectApi<{ items: Survey[] }>("GET /v1/surveys?limit=100", 200, { token: small.owner.token });
  expect(all.body.items).toHaveLength(50);
});

test("the same key creates the survey once", async () => {
  const key = { "idempotency-key": ulid() };
  const answers = await Promise.all([create({}, tenant.owner, key), create({}, tenant.owner, key)]);
  expect(answers.map(({ status }) => status)).toEqual([201, 201]);
  expect(answers[1].body).toEqual(answers[0].body);
  expect(answers[1].headers.get("location")).toBe(answers[0].headers.get("location"));
  const other = await create({ externalRef: "other" }, tenant.owner, key);
  expect(other.body.code).toBe("idempotency_mismatch");
});

test("a surveyor sees, creates and decides what is assigned to them, and learns of nothing else", async () => {
  const own = await create({}, surveyor);
  expect(own.body.assigneeId).toBe(surveyor.id);
  const foreign = await create({ assigneeId: tenant.owner.id });
  expect((await create({ assigneeId: tenant.owner.id }, surveyor)).status).toBe(403);

  expect((await show(own.body.id, surveyor)).status).toBe(200);
  const missing = await show(`svy_${ulid()}`, surveyor);
  const unassigned = await show(foreign.body.id, surveyor);
  expect(unassigned.status).toBe(404);
  expect({ ...unassigned.body, requestId: "" }).toEqual({ ...missing.body, requestId: "" });
  expect((await decide(foreign.body.id, { to: "cancelled" }, surveyor)).status).toBe(404);

  const listed = await list("limit=100", surveyor);
  expect(listed.body.items.length).toBeGreaterThan(0);
  expect(listed.body.items.every(({ assigneeId }) => assigneeId === surveyor.id)).toBe(true);
  expect((await list(`assigneeId=${tenant.owner.id}`, surveyor)).body).toEqual({ items: [] });
  const reference = `r-${ulid()}`;
  await create({ externalRef: reference, assigneeId: tenant.owner.id });
  expect((await list(`externalRef=${reference}`, surveyor)).body.items).toEqual([]);
  expect((await list(`state=draft&assigneeId=${surveyor.id}`, surveyor)).status).toBe(200);
});

test("lists filter as declared, page by page, and refuse other combinations", async () => {
  const own = await newTenant();
  const made = await newSurvey(own);
  const { token } = own.owner;
  const ids: string[] = [];
  for (let at = 0; at < 3; at++) {
    const { body } = await expectApi<Survey>("POST /v1/surveys", 201, {
      token,
      body: { templateVersionId: made.templateVersionId, guest },
    });
    ids.unshift(body.id);
  }
  const first = await list("state=draft&limit=2", own.owner);
  expect(first.body.items.map(({ id }) => id)).toEqual(ids.slice(0, 2));
  const second = await list(`state=draft&limit=2&cursor=${encodeURIComponent(first.body.nextCursor ?? "")}`, own.owner);
  expect(second.body.items.map(({ id }) => id)).toEqual(ids.slice(2));
  expect(second.body.nextCursor).toBeUndefined();
  const since = encodeURIComponent(first.body.items[1]?.updatedAt ?? "");
  const recent = await list(`updatedSince=${since}`, own.owner);
  expect(recent.body.items.map(({ id }) => id)).toEqual(ids.slice(0, 2));

  const otherFilter = await list(
    `state=invited&limit=2&cursor=${encodeURIComponent(first.body.nextCursor ?? "")}`,
    own.owner,
  );
  expect(otherFilter.body.code).toBe("invalid_cursor");
  expect((await list("state=draft&externalRef=x", own.owner)).body.code).toBe("invalid_request");
  expect((await list("state=lost", own.owner)).status).toBe(400);
  expect((await list("guest=Gerda", own.owner)).body.errors?.[0]?.code).toBe("unknown_field");
});

test("a link invites the guest, is shown once, and ends when a newer one is made", async () => {
  const { body } = await create();
  const key = { "idempotency-key": ulid() };
  const first = await link(body.id, { channel: "none" }, key);
  expect(first.status).toBe(201);
  const days = (Date.parse(first.body.expiresAt) - Date.now()) / 86_400_000;
  expect(days).toBeCloseTo(30, 1);
  expect((await show(body.id)).body.state).toBe("invited");
  expect((await show(body.id)).text).not.toContain(new URL(first.body.url).hash.slice(1));
  expect((await link(body.id, { channel: "none" }, key)).body).toEqual(first.body);

  const bearer = await openSession(first.body.url);
  const second = await link(body.id);
  expect(second.body.url).not.toBe(first.body.url);
  expect((await show(body.id)).body.state).toBe("in_progress");
  const old = await api<Refusal>("POST /v1/guest/session", { body: { token: new URL(first.body.url).hash.slice(1) } });
  expect([old.status, old.body.code]).toEqual([410, "link_replaced"]);
  expect((await api<Refusal>("GET /v1/guest/survey", { token: bearer })).body.code).toBe("link_replaced");
  await openSession(second.body.url);
});

test("of links made at once exactly one works", async () => {
  const { body } = await create();
  const answers = await Promise.all([link(body.id), link(body.id), link(body.id)]);
  const made = answers.filter(({ status }) => status === 201);
  expect(answers.filter(({ status }) => status !== 201).every(({ body: { code } }) => code === "conflict")).toBe(true);
  const opened = await Promise.all(
    made.map(({ body: { url } }) => api("POST /v1/guest/session", { body: { token: new URL(url).hash.slice(1) } })),
  );
  expect(opened.filter(({ status }) => status === 200)).toHaveLength(1);
});

test("a link by e-mail reaches the guest and opens the survey", async () => {
  const email = `guest.${ulid().toLowerCase()}@guest.localhost`;
  const { body } = await create({ guest: { name: "Mailed", email } });
  const made = await link(body.id, { channel: "email" });
  const mail = await newestMail(inject("stack"), email);
  expect(mail.content.plainText).toContain(made.body.url);
  await openSession(made.body.url);
});

test("a link without an address to send to, or too long a time, is refused", async () => {
  const { body } = await create({ guest: { name: "No Address" } });
  const unsendable = await link(body.id, { channel: "email" });
  expect(unsendable.status).toBe(422);
  expect(unsendable.body.errors?.[0]).toMatchObject({ pointer: "/channel", code: "no_email" });
  const day = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();
  for (const [expiresAt, code] of [
    [day(-1), "past"],
    [day(91), "too_late"],
    ["2030-12-31T23:59:60Z", "time"],
  ])
    expect((await link(body.id, { channel: "none", expiresAt })).body.errors?.[0]).toMatchObject({
      pointer: "/expiresAt",
      code,
    });
  expect((await show(body.id)).body.state).toBe("draft");
  expect((await link(body.id, { channel: "none", expiresAt: day(89) })).status).toBe(201);
});

test("a survey is reviewed, sent back, submitted again and completed; its link ends with it", async () => {
  const { surveyId, link: url, guest: bearer } = await submitted();
  expect((await decide(surveyId, { to: "in_review" })).body.state).toBe("in_review");
  const returned = await decide(surveyId, {
    to: "changes_requested",
    reason: "Full name, please",
    questionIds: ["name"],
  });
  expect(returned.body).toMatchObject({
    state: "changes_requested",
    changes: { reason: "Full name, please", questionIds: ["name"] },
  });
  const early = await api<Refusal>("PUT /v1/guest/answers/name", { token: bearer, body: { value: "Gerda Guest" } });
  expect(early.body.code).toBe("submitted");

  const again = await openSession(url);
  const seen = await expectApi<Survey>("GET /v1/guest/survey", 200, { token: again });
  expect(seen.body).toMatchObject({ state: "in_progress", changes: { reason: "Full name, please" } });
  await expectApi("PUT /v1/guest/answers/name", 200, { token: again, body: { value: "Gerda Guest" } });
  await expectApi("POST /v1/guest/submit", 200, { token: again });
  await decide(surveyId, { to: "in_review" });
  const { body } = await decide(surveyId, { to: "completed" });
  expect(body.state).toBe("completed");
  expect((await show(surveyId)).body.answers).toMatchObject({ name: { value: "Gerda Guest" } });

  expect((await api<Refusal>("GET /v1/guest/survey", { token: again })).body.code).toBe("link_expired");
  const closed = await api<Refusal>("POST /v1/guest/session", { body: { token: new URL(url).hash.slice(1) } });
  expect(closed.body.code).toBe("link_expired");
  expect((await link(surveyId)).body.code).toBe("final");
});

test("an impossible transition names the possible ones", async () => {
  const { body } = await create();
  const refused = await decide(body.id, { to: "completed" });
  expect(refused.status).toBe(409);
  expect(refused.body).toMatchObject({
    code: "invalid_transition",
    from: "draft",
    allowed: ["invited", "cancelled", "deleting"],
  });
  expect((await decide(body.id, { to: "submitted" })).status).toBe(400);
  expect((await decide(body.id, { to: "cancelled" })).body.state).toBe("cancelled");
  expect((await decide(body.id, { to: "cancelled" })).body.code).toBe("invalid_transition");
});

test("changes are requested with a reason and for questions that were asked", async () => {
  const { surveyId } = await submitted();
  const pointers = async (body: object) => (await decide(surveyId, body)).body.errors?.map(({ pointer }) => pointer);
  expect(await pointers({ to: "changes_requested" })).toEqual(["/reason"]);
  expect(await pointers({ to: "changes_requested", reason: " " })).toEqual(["/reason"]);
  expect(await pointers({ to: "changes_requested", reason: "Again", questionIds: ["name", "no"] })).toEqual([
    "/questionIds/1",
  ]);
  expect(await pointers({ to: "in_review", reason: "Why not" })).toEqual(["/to"]);
  expect((await decide(surveyId, { to: "changes_requested", reason: "Again" })).status).toBe(200);
});

test("of final decisions at once one is made", async () => {
  const { surveyId } = await submitted();
  await decide(surveyId, { to: "in_review" });
  const answers = await Promise.all([
    decide(surveyId, { to: "completed" }),
    decide(surveyId, { to: "cancelled" }),
    decide(surveyId, { to: "completed" }),
  ]);
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  expect(answers.filter(({ status }) => status === 409)).toHaveLength(2);
});

test("the same key decides once", async () => {
  const { surveyId } = await submitted();
  const key = { "idempotency-key": ulid() };
  const first = await decide(surveyId, { to: "in_review" }, tenant.owner, key);
  const again = await decide(surveyId, { to: "in_review" }, tenant.owner, key);
  expect([first.status, again.status]).toEqual([200, 200]);
  expect(again.body).toEqual(first.body);
});

test("another tenant's surveys do not exist", async () => {
  const other = await newTenant();
  const { body } = await create();
  expect((await show(body.id, other.owner)).status).toBe(404);
  expect((await decide(body.id, { to: "cancelled" }, other.owner)).status).toBe(404);
  const foreign = await api(`POST /v1/surveys/${body.id}/links`, {
    token: other.owner.token,
    body: { channel: "none" },
  });
  expect(foreign.status).toBe(404);
  expect((await list("limit=100", other.owner)).body.items).toEqual([]);
  expect((await show(body.id)).body.state).toBe("draft");
});
