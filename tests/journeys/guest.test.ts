import { ulid } from "ulid";
import { beforeAll, expect, test } from "vitest";
import { until } from "../../local/client.ts";
import {
  type TestSurvey,
  type TestTenant,
  api,
  consent,
  expectApi,
  newSurvey,
  newTenant,
  openSession,
} from "../support/tenant.ts";

interface GuestSurvey {
  readonly state: string;
  readonly readOnly: boolean;
  readonly questions: readonly object[];
  readonly answers: Readonly<Record<string, { readonly value: unknown; readonly at: string }>>;
  readonly missing: readonly string[];
  readonly consent: { readonly version: number; readonly state: string; readonly text: string };
  readonly receiptCode?: string;
}
interface Refusal {
  readonly code: string;
  readonly errors?: readonly { readonly pointer: string; readonly code: string }[];
}
interface Receipt {
  readonly receiptCode: string;
  readonly submittedAt: string;
}

let tenant: TestTenant;
beforeAll(async () => {
  tenant = await newTenant();
});

const options = ["flat", "house"].map((value) => ({ value, label: value }));
const questions = [
  { id: "part", type: "section", label: "About you" },
  { id: "name", type: "text", label: "Name", required: true, maxLength: 20 },
  { id: "floor", type: "number", label: "Floor", minimum: -2, maximum: 60 },
  { id: "kind", type: "choice", label: "Kind", options, required: true },
  { id: "has", type: "choice", label: "What is there?", options, multiple: true },
  { id: "lift", type: "boolean", label: "Lift", required: true },
  { id: "when", type: "date", label: "When" },
  // Also the name of something that every object inherits.
  { id: "constructor", type: "text", label: "Who built it?" },
];
const complete = { name: "Gerda", kind: "house", lift: false };

const invite = (more: Parameters<typeof newSurvey>[1] = {}) => newSurvey(tenant, { questions, ...more });
const tokenOf = ({ link }: Pick<TestSurvey, "link">) => new URL(link).hash.slice(1);

async function answer(bearer: string, questionId: string, value: unknown) {
  return await api<{ questionId: string; value: unknown; at: string } & Refusal>(
    `PUT /v1/guest/answers/${questionId}`,
    { token: bearer, body: { value } },
  );
}

async function answerAll(bearer: string) {
  for (const [id, value] of Object.entries(complete)) expect((await answer(bearer, id, value)).status).toBe(200);
}

async function seen(bearer: string): Promise<GuestSurvey> {
  return (await expectApi<GuestSurvey>("GET /v1/guest/survey", 200, { token: bearer })).body;
}

const submit = (bearer: string) => api<Receipt & Refusal>("POST /v1/guest/submit", { token: bearer });

async function say(bearer: string, body: object) {
  return await api<{ state: string; version: number } & Refusal>("PUT /v1/guest/consent", { token: bearer, body });
}

/** Types of the survey's events, once the last of them is in the log. */
async function eventsOf(surveyId: string, last: string): Promise<string[]> {
  return await until(`${last} of ${surveyId}`, 15, async () => {
    const { body } = await expectApi<{ items: { type: string; data: { surveyId?: string } }[] }>(
      "GET /v1/events?limit=100",
      200,
      { token: reporting.owner.token },
    );
    const types = body.items.filter(({ data }) => data.surveyId === surveyId).map(({ type }) => type);
    return types.includes(last) ? types : undefined;
  });
}
let reporting: TestTenant;
beforeAll(async () => {
  reporting = await newTenant();
});

test("a guest opens the link, agrees, answers and submits; the tenant sees it all", async () => {
  const { surveyId, link, guest } = await newSurvey(reporting, { questions, consent: false });
  const first = await seen(guest);
  expect(first).toMatchObject({
    id: surveyId,
    state: "in_progress",
    readOnly: false,
    guestName: "Gerda Guest",
    title: "Test template",
    questions,
    answers: {},
    videos: [],
    missing: ["name", "kind", "lift"],
    consent: { state: "none" },
    branding: { displayName: reporting.name },
  });
  expect(first.consent.text.length).toBeGreaterThan(0);
  await consent(guest);
  await answerAll(guest);
  const ready = await seen(guest);
  expect(ready).toMatchObject({ missing: [], consent: { state: "given" } });

  const { status, body: receipt } = await submit(guest);
  expect(status).toBe(200);
  expect(receipt.receiptCode).toMatch(/^[0-9A-HJKMNP-TV-Z-]{23}$/u);
  expect(await seen(await openSession(link))).toMatchObject({ state: "submitted", readOnly: true, ...receipt });

  const survey = await expectApi(`GET /v1/surveys/${surveyId}`, 200, {
    token: reporting.owner.token,
  });
  expect(survey.body).toMatchObject({
    state: "submitted",
    ...receipt,
    consent: { accepted: true, locale: "en" },
    answers: { name: { value: "Gerda" }, kind: { value: "house" }, lift: { value: false } },
  });
  expect(await eventsOf(surveyId, "survey.submitted")).toEqual([
    "survey.created",
    "survey.invited",
    "survey.opened",
    "consent.given",
    "survey.submitted",
  ]);
});

test("whatever is wrong with a link's token, the answer is the same", async () => {
  const made = await invite({ consent: false });
  const token = tokenOf(made);
  const [tenantId = "", id = "", secret = ""] = token.split(".");
  const other = `${secret.startsWith("A") ? "B" : "A"}${secret.slice(1)}`;
  const forged = [
    "nonsense",
    `${tenantId}.${id}`,
    `${tenantId}.${id}.${other}`,
    `${tenantId}.lnk_${ulid()}.${secret}`,
    `tnt_${ulid()}.${id}.${secret}`,
    `${tenantId}.${made.surveyId}.${secret}`,
    `${token}.more`,
  ];
  for (const text of forged) {
    const { status, body } = await api<Refusal>("POST /v1/guest/session", { body: { token: text } });
    expect([status, body.code]).toEqual([401, "link_invalid"]);
  }
});

test("a survey opened many times at once is opened once", async () => {
  const template = await newSurvey(reporting, { questions });
  const { token } = reporting.owner;
  const survey = await expectApi<{ id: string }>("POST /v1/surveys", 201, {
    token,
    body: { templateVersionId: template.templateVersionId, guest: { name: "Many" } },
  });
  const link = await expectApi<{ url: string }>(`POST /v1/surveys/${survey.body.id}/links`, 201, {
    token,
    body: { channel: "none" },
  });
  const bearers = await Promise.all(Array.from({ length: 5 }, () => openSession(link.body.url)));
  for (const bearer of bearers) expect((await seen(bearer)).state).toBe("in_progress");
  await consent(bearers[0] ?? "");
  expect(await eventsOf(survey.body.id, "consent.given")).toEqual([
    "survey.created",
    "survey.invited",
    "survey.opened",
    "consent.given",
  ]);
});

test("a session opens its own survey and nothing of the tenant", async () => {
  const one = await invite();
  const two = await invite();
  await answer(one.guest, "name", "One");
  expect((await seen(two.guest)).answers).toEqual({});
  for (const operation of [`GET /v1/surveys/${one.surveyId}`, "GET /v1/surveys", "GET /v1/templates", "GET /v1/tenant"])
    expect((await api(operation, { token: one.guest })).status).toBe(403);
  expect((await api("GET /v1/guest/survey", { token: tenant.owner.token })).status).toBe(403);
  expect((await api("GET /v1/guest/survey")).status).toBe(401);
});

test("each type of question takes its own answers", async () => {
  const { guest } = await invite();
  const good = { name: "Ünïcode", floor: -2, kind: "flat", has: ["house", "flat"], lift: true, when: "2024-02-29" };
  for (const [id, value] of Object.entries(good))
    expect((await answer(guest, id, value)).body).toMatchObject({ questionId: id, value });
  const { answers } = await seen(guest);
  expect(Object.fromEntries(Object.entries(answers).map(([id, { value }]) => [id, value]))).toEqual(good);

  const bad = { name: "x".repeat(21), floor: 61, kind: "tent", has: ["flat", "flat"], lift: "yes", when: "2023-02-29" };
  for (const [id, value] of Object.entries(bad)) {
    const refused = await answer(guest, id, value);
    expect([refused.status, refused.body.code]).toEqual([422, "invalid_answer"]);
    expect(refused.body.errors?.[0]?.pointer).toBe("/value");
  }
  expect((await answer(guest, "part", "text")).body.code).toBe("invalid_answer");
  expect((await answer(guest, "unknown", "text")).status).toBe(404);
  expect((await answer(guest, "name", "x".repeat(5_001))).body.errors?.[0]).toMatchObject({
    pointer: "/value",
    code: "maxLength",
  });
  expect((await answer(guest, "name", { deep: 1 })).status).toBe(400);
  expect((await seen(guest)).answers["name"]?.value).toBe("Ünïcode");
});

test("a question may be called what it likes, and an answer can be taken back", async () => {
  const { guest } = await invite();
  expect((await seen(guest)).answers).toEqual({});
  const inherited = "constructor";
  await answer(guest, inherited, "Ada");
  expect((await seen(guest)).answers[inherited]?.value).toBe("Ada");
  for (const value of [null, "", "  "]) {
    expect((await answer(guest, "name", "Gerda")).body.value).toBe("Gerda");
    expect((await answer(guest, "name", value)).body.value).toBeNull();
    expect((await seen(guest)).missing).toContain("name");
  }
});

test("answers given at the same time do not collide", async () => {
  const { guest } = await invite();
  const answers = { name: "Gerda", floor: 3, kind: "flat", lift: true, when: "2030-01-01", constructor: "Ada" };
  const statuses = await Promise.all(
    Object.entries(answers).map(async ([id, value]) => (await answer(guest, id, value)).status),
  );
  expect(statuses).toEqual(statuses.map(() => 200));
  expect(Object.keys((await seen(guest)).answers).sort()).toEqual(Object.keys(answers).sort());
});

test("nothing is answered or submitted without consent, nor after its withdrawal", async () => {
  const { guest, surveyId } = await newSurvey(reporting, { questions, consent: false });
  const refused = await answer(guest, "name", "Gerda");
  expect([refused.status, refused.body.code]).toEqual([403, "consent_required"]);
  const { version } = (await seen(guest)).consent;
  const stale = await say(guest, { version: version + 1, accepted: true, locale: "de" });
  expect([stale.status, stale.body.code]).toEqual([409, "stale_version"]);

  const yes = { version, accepted: true, locale: "de" };
  const given = await say(guest, yes);
  expect(given.body).toMatchObject({ version, state: "given" });
  expect((await say(guest, yes)).body).toEqual(given.body);
  await answerAll(guest);

  expect((await say(guest, { ...yes, accepted: false })).body.state).toBe("withdrawn");
  expect((await answer(guest, "name", "Other")).body.code).toBe("consent_required");
  expect((await submit(guest)).body.code).toBe("consent_required");
  expect((await seen(guest)).consent.state).toBe("withdrawn");
  await say(guest, yes);
  expect((await submit(guest)).status).toBe(200);
  expect((await say(guest, { ...yes, accepted: false })).body.state).toBe("withdrawn");
  const events = await until("the second withdrawal", 15, async () => {
    const types = await eventsOf(surveyId, "survey.submitted");
    return types.at(-1) === "consent.withdrawn" ? types : undefined;
  });
  expect(events.slice(3)).toEqual([
    "consent.given",
    "consent.withdrawn",
    "consent.given",
    "survey.submitted",
    "consent.withdrawn",
  ]);
});

test("a survey with required answers missing is not submitted, and each is named", async () => {
  const { guest } = await newSurvey(tenant, {
    questions: [...questions, { id: "room", type: "video", label: "Show it", required: true }],
  });
  await answer(guest, "kind", "flat");
  const { status, body } = await submit(guest);
  expect([status, body.code]).toEqual([409, "missing_required"]);
  expect(body.errors?.map(({ pointer }) => pointer)).toEqual(["/answers/name", "/answers/lift", "/answers/room"]);
  expect((await answer(guest, "room", "a text")).body.code).toBe("invalid_answer");
  expect((await seen(guest)).state).toBe("in_progress");
});

test("submitting is done once, also at once, and gives the same receipt each time", async () => {
  const { guest } = await invite();
  await answerAll(guest);
  const answers = await Promise.all([submit(guest), submit(guest), submit(guest)]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
  expect((await submit(guest)).text).toBe(answers[0].text);
  const late = await answer(guest, "name", "Late");
  expect([late.status, late.body.code]).toEqual([409, "submitted"]);
});

test("what is submitted is what was stored: a later answer is refused, not lost", async () => {
  const { guest, surveyId } = await invite();
  await answerAll(guest);
  const [receipt, ...answers] = await Promise.all([
    submit(guest),
    ...Array.from({ length: 6 }, (_, at) => answer(guest, "floor", at)),
  ]);
  expect([200, 409]).toContain(receipt.status);
  if (receipt.status === 409) expect((await submit(guest)).status).toBe(200);
  const accepted = answers.filter(({ status }) => status === 200).map(({ body }) => body.value);
  for (const { status, body } of answers) if (status !== 200) expect(["submitted", "conflict"]).toContain(body.code);
  const { body } = await expectApi<GuestSurvey>(`GET /v1/surveys/${surveyId}`, 200, { token: tenant.owner.token });
  expect(body.state).toBe("submitted");
  if (accepted.length > 0) expect(accepted).toContain(body.answers["floor"]?.value);
  else expect(body.answers["floor"]).toBeUndefined();
});

test("a receipt stays the same when changes were made", async () => {
  const { guest, surveyId, link } = await invite();
  await answerAll(guest);
  const first = await submit(guest);
  await expectApi(`POST /v1/surveys/${surveyId}/transitions`, 200, {
    token: tenant.owner.token,
    body: { to: "changes_requested", reason: "Name, please", questionIds: ["name"] },
  });
  expect((await submit(guest)).body.code).toBe("submitted");
  const again = await openSession(link);
  await answer(again, "name", "Gerda Guest");
  const second = await submit(again);
  expect(second.body.receiptCode).toBe(first.body.receiptCode);
  expect(second.body.submittedAt > first.body.submittedAt).toBe(true);
});

test("a cancelled survey is closed to its guest at once", async () => {
  const made = await invite();
  await expectApi(`POST /v1/surveys/${made.surveyId}/transitions`, 200, {
    token: tenant.owner.token,
    body: { to: "cancelled" },
  });
  for (const { status, body } of [
    await answer(made.guest, "name", "Late"),
    await submit(made.guest),
    await api<Refusal>("POST /v1/guest/session", { body: { token: tokenOf(made) } }),
  ])
    expect([status, body.code]).toEqual([410, "link_expired"]);
});

test("neither the log nor an answer to anybody else holds a token", async () => {
  const { surveyId, link, guest } = await newSurvey(reporting, { questions });
  await answer(guest, "name", "Canary Kowalski");
  const { token } = reporting.owner;
  const texts = await Promise.all(
    [`GET /v1/surveys/${surveyId}`, "GET /v1/surveys", "GET /v1/events?limit=100"].map(
      async (operation) => (await api(operation, { token })).text,
    ),
  );
  const secret = new URL(link).hash.slice(1).split(".")[2] ?? link;
  for (const text of texts) expect(text).not.toContain(secret);
  expect(texts[2]).not.toContain("Kowalski");
});
