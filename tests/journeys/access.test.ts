import { ulid } from "ulid";
import { beforeAll, describe, expect, test } from "vitest";
import { messagesTo, until } from "../../local/client.ts";
import { platformTenantId } from "../../shared/tenancy/ids.ts";
import { newReadyVideo } from "../contracts/cases.ts";
import { type Side, newDraftSurvey, newGrantedAccess, newSide } from "../contracts/side.ts";
import { amend, entries, settled } from "../support/contracts.ts";
import { stackUnderTest } from "../support/stackUnderTest.ts";
import { api, expectApi, operatorToken } from "../support/tenant.ts";

let side: Side;
let owner: string;
beforeAll(async () => {
  side = await newSide();
  owner = side.people.owner.token;
});

const hour = () => new Date(Date.now() + 3_600_000).toISOString();
const minutes = (count: number) => new Date(Date.now() + count * 60_000).toISOString();
const reason = `The video "hall" <b>does not play</b> & stops`;

interface Grant {
  readonly id: string;
  readonly state: string;
  readonly grantedUntil?: string;
}

/** Asks for access as the side's operator and waits until the tenant has the request; gives its id. */
async function asked(surveyId: string, more: object = {}): Promise<string> {
  const { body } = await expectApi<{ id: string }>("POST /v1/platform/access-requests", 202, {
    token: side.operator,
    body: { subjectTenantId: side.id, surveyId, reason, until: hour(), ...more },
  });
  return await until("the request", 20, async () => {
    const operation = await expectApi<{ status: string; resultId?: string }>(`GET /v1/operations/${body.id}`, 200, {
      token: side.operator,
    });
    return operation.body.status === "succeeded" ? operation.body.resultId : undefined;
  });
}

const grant = (requestId: string, more: object = {}) =>
  api<Grant & { code?: string }>("POST /v1/access-grants", { token: owner, body: { requestId, ...more } });

const session = (id: string, token = side.operator) =>
  api<{ bearer: string; expiresAt: string; surveyId: string; code?: string }>(
    `POST /v1/platform/access-requests/${id}/session`,
    { token },
  );

async function revoke(id: string) {
  const { headers } = await expectApi(`GET /v1/access-grants/${id}`, 200, { token: owner });
  return await api<{ code?: string }>(`DELETE /v1/access-grants/${id}`, {
    token: owner,
    headers: { "if-match": headers.get("etag") ?? "" },
  });
}

const outcome = ({ status, body }: { status: number; body: { code?: string } | undefined }) => [status, body?.code];
const reading = async (surveyId: string, token: string) => outcome(await api(`GET /v1/surveys/${surveyId}`, { token }));

test("an operator sees a survey once the owner grants it, for the time of the grant, and the log shows it all", async () => {
  const { surveyId, videoId } = await newReadyVideo(side);
  expect(await reading(surveyId, side.operator)).toEqual([403, "forbidden"]);
  const id = await asked(surveyId);

  const mail = await until("the owner's mail", 20, async () => {
    const mails = await messagesTo(stackUnderTest(), side.people.owner.email);
    return mails.find(({ content }) => content.plainText?.includes(id) === true);
  });
  expect(mail.content.plainText).toContain(reason);
  expect(mail.content.html).toContain("&lt;b&gt;does not play&lt;/b&gt; &amp; stops");
  expect(await messagesTo(stackUnderTest(), side.people.admin.email)).toEqual([]);

  expect(outcome(await session(id))).toEqual([409, "not_granted"]);
  const granted = await grant(id);
  expect([granted.status, granted.body.state]).toEqual([201, "granted"]);
  const opened = await session(id);
  expect(opened.body).toMatchObject({ surveyId });
  expect(Date.parse(opened.body.expiresAt)).toBeLessThanOrEqual(Date.now() + 30 * 60_000);

  const { bearer } = opened.body;
  const own = `surveys/${surveyId}`;
  for (let times = 0; times < 5; times++) await expectApi(`GET /v1/${own}`, 200, { token: bearer });
  await expectApi(`GET /v1/${own}/videos/${videoId}`, 200, { token: bearer });
  await expectApi(`POST /v1/${own}/videos/${videoId}/playback`, 200, { token: bearer });
  expect((await expectApi("GET /v1/surveys", 200, { token: bearer })).body).toEqual({ items: [] });

  expect((await revoke(id)).status).toBe(204);
  expect(await reading(surveyId, bearer)).toEqual([401, "unauthenticated"]);
  expect(outcome(await session(id))).toEqual([409, "not_granted"]);
  expect(outcome(await grant(id))).toEqual([409, "invalid_transition"]);
  expect(outcome(await revoke(id))).toEqual([409, "invalid_transition"]);

  await settled(side.id);
  const all = await entries(side.id);
  const log = all.filter((entry) => entry["target"] === id);
  const operator = { type: "operator", id: expect.stringMatching(/^opr_[0-9a-f]{40}$/u) as string };
  const byOwner = { type: "member", id: side.people.owner.id };
  expect(log.map((entry): unknown[] => [entry["action"], entry["actor"]])).toEqual([
    ["requestAccess", operator],
    ["grantAccess", byOwner],
    ["openAccessSession", operator],
    ["revokeAccessGrant", byOwner],
  ]);
  const uses = (target: string) =>
    all.filter((entry) => entry["target"] === target && (entry["actor"] as { type: string }).type === "operator");
  expect(new Set(uses(videoId).map((entry): unknown => entry["action"]))).toEqual(
    new Set(["getVideo", "createPlayback"]),
  );
  expect(uses(surveyId)[0]).toMatchObject({ action: "getSurvey", actor: log[0]?.["actor"] as object });
  // Once a minute, which may have ended meanwhile.
  expect(uses(surveyId).length).toBeLessThanOrEqual(2);
});

describe("a session", () => {
  let surveyId: string;
  let bearer: string;
  beforeAll(async () => {
    surveyId = await newDraftSurvey(side);
    ({ bearer } = (await session(await newGrantedAccess(side, surveyId))).body);
  });

  test("opens no other survey, no other tenant's, and nothing but reading", async () => {
    const elsewhere = await newSide();
    const [other, foreign] = await Promise.all([newDraftSurvey(side), newReadyVideo(elsewhere)]);
    expect(await reading(surveyId, bearer)).toEqual([200, undefined]);
    for (const stray of [other, foreign.surveyId]) expect(await reading(stray, bearer)).toEqual([404, "not_found"]);
    const video = `surveys/${surveyId}/videos/${foreign.videoId}`;
    expect(outcome(await api(`GET /v1/${video}`, { token: bearer }))).toEqual([404, "not_found"]);
    expect(outcome(await api(`POST /v1/${video}/playback`, { token: bearer }))).toEqual([404, "not_found"]);
    for (const operation of ["GET /v1/tenant", "GET /v1/members", "GET /v1/access-grants", "GET /v1/events"])
      expect(outcome(await api(operation, { token: bearer }))).toEqual([403, "forbidden"]);
    const link = { token: bearer, body: { channel: "none" } };
    expect(outcome(await api(`POST /v1/surveys/${surveyId}/links`, link))).toEqual([403, "forbidden"]);
  });

  test("is no other bearer's: changed, cut, of another tenant or use", async () => {
    const [kind = "", tenantId = "", payload = ""] = bearer.split(".");
    const elsewhere = (await newSide()).support.split(".");
    const flipped = payload.startsWith("A") ? `B${payload.slice(1)}` : `A${payload.slice(1)}`;
    const guests = side.guest.split(".")[2] ?? "";
    const forged = [
      [kind, tenantId, flipped],
      [kind, tenantId, `${payload.slice(0, -1)}${payload.endsWith("A") ? "B" : "A"}`],
      [kind, tenantId, payload.slice(0, -8)],
      [kind, tenantId, ""],
      [kind, elsewhere[1] ?? "", payload],
      [kind, tenantId, elsewhere[2] ?? ""],
      [kind, platformTenantId, payload],
      [kind, tenantId, guests],
      ["gs", tenantId, payload],
      [kind, tenantId, payload, "x"],
      [kind, `tnt_${ulid()}`, payload],
    ];
    for (const parts of forged) expect(await reading(surveyId, parts.join("."))).toEqual([401, "unauthenticated"]);
    expect(await reading(surveyId, bearer)).toEqual([200, undefined]);
  });

  test("ends with its grant, with a grant of something else, and while the tenant is suspended", async () => {
    const id = await newGrantedAccess(side, surveyId);
    const token = (await session(id)).body.bearer;
    expect(await reading(surveyId, token)).toEqual([200, undefined]);
    const ends: Record<string, unknown>[] = [
      { "/grantedUntil": new Date(Date.now() - 1).toISOString() },
      { "/operatorId": `opr_${"0".repeat(40)}` },
      { "/surveyId": await newDraftSurvey(side) },
      { "/state": "revoked" },
    ];
    for (const end of ends) {
      await amend(side.id, id, end);
      expect(await reading(surveyId, token)).toEqual([401, "unauthenticated"]);
      await amend(side.id, id, { ...(await asGranted()), "/surveyId": surveyId });
      expect(await reading(surveyId, token)).toEqual([200, undefined]);
    }
    await amend(side.id, side.id, { "/state": "suspended" });
    expect(await reading(surveyId, token)).toEqual([403, "tenant_suspended"]);
    expect(outcome(await session(id))).toEqual([403, "tenant_suspended"]);
    await amend(side.id, side.id, { "/state": "active" });

    async function asGranted() {
      const { body } = await expectApi<{ operatorId: string }>(
        `GET /v1/access-grants/${await newGrantedAccess(side, surveyId)}`,
        200,
        { token: owner },
      );
      return { "/grantedUntil": hour(), "/operatorId": body.operatorId, "/state": "granted" };
    }
  });

  test("is opened by who asked, and by nobody else", async () => {
    const id = await newGrantedAccess(side, surveyId);
    expect(outcome(await session(id, await operatorToken(ulid().toLowerCase())))).toEqual([404, "not_found"]);
    expect(outcome(await session(id, owner))).toEqual([403, "forbidden"]);
    expect(outcome(await session(id, bearer))).toEqual([403, "forbidden"]);
    expect((await session(id)).status).toBe(200);
  });

  test("lasts no longer than its grant", async () => {
    const id = await newGrantedAccess(side, surveyId);
    const end = minutes(5);
    await amend(side.id, id, { "/grantedUntil": end });
    expect((await session(id)).body.expiresAt).toBe(end);
    await amend(side.id, id, { "/grantedUntil": minutes(-1) });
    expect(outcome(await session(id))).toEqual([410, "expired"]);
  });
});

describe("a request", () => {
  test("is answered alike for a survey that there is and for one that there is not", async () => {
    const missing = await asked(`svy_${ulid()}`);
    const { grantedUntil: _, ...shown } = (await grant(missing)).body;
    expect(shown).toMatchObject({ id: missing, state: "granted" });
    const opened = await session(missing);
    expect(await reading(opened.body.surveyId, opened.body.bearer)).toEqual([404, "not_found"]);
  });

  test("has an end within a week, of a tenant that there is", async () => {
    const body = { subjectTenantId: side.id, surveyId: `svy_${ulid()}`, reason, until: hour() };
    const wrong: [pointer: string, more: object][] = [
      ["/until", { until: minutes(-1) }],
      ["/until", { until: minutes(7 * 24 * 60 + 1) }],
      ["/subjectTenantId", { subjectTenantId: `tnt_${ulid()}` }],
      ["/reason", { reason: "" }],
    ];
    for (const [pointer, more] of wrong) {
      const refused = await expectApi<{ errors: { pointer: string }[] }>("POST /v1/platform/access-requests", 400, {
        token: side.operator,
        body: { ...body, ...more },
      });
      expect(refused.body.errors.map((each) => each.pointer)).toEqual([pointer]);
    }
  });

  test("is granted for 24 hours at most, and not once its time is over", async () => {
    const id = await asked(`svy_${ulid()}`, { until: minutes(3 * 24 * 60) });
    for (const until of [minutes(-1), minutes(24 * 60 + 1)])
      expect(outcome(await grant(id, { until }))).toEqual([400, "invalid_request"]);
    const late = await asked(`svy_${ulid()}`);
    await amend(side.id, late, { "/until": minutes(-1) });
    expect(outcome(await grant(late))).toEqual([410, "expired"]);
    const { body } = await grant(id);
    expect(Date.parse(body.grantedUntil ?? "") - Date.now()).toBeLessThanOrEqual(24 * 3_600_000);
    const { body: list } = await expectApi<{ items: Grant[] }>("GET /v1/access-grants?limit=100", 200, {
      token: owner,
    });
    const states = new Map(list.items.map((item) => [item.id, item.state]));
    expect([states.get(id), states.get(late)]).toEqual(["granted", "expired"]);
  });

  test("that is refused stays so", async () => {
    const id = await asked(`svy_${ulid()}`);
    expect((await revoke(id)).status).toBe(204);
    const { body } = await expectApi<Grant>(`GET /v1/access-grants/${id}`, 200, { token: owner });
    expect(body.state).toBe("refused");
    expect(outcome(await grant(id))).toEqual([409, "invalid_transition"]);
    expect(outcome(await session(id))).toEqual([409, "not_granted"]);
  });

  test("that nobody made cannot be granted, and only an owner grants", async () => {
    expect(outcome(await grant(`acg_${ulid()}`))).toEqual([400, "invalid_request"]);
    const requestId = await asked(`svy_${ulid()}`);
    for (const { token } of [side.people.admin, side.people.auditor]) {
      await expectApi(`GET /v1/access-grants/${requestId}`, 200, { token });
      expect(outcome(await api("POST /v1/access-grants", { token, body: { requestId } }))).toEqual([403, "forbidden"]);
    }
    expect(outcome(await api("POST /v1/access-grants", { token: side.operator, body: { requestId } }))).toEqual([
      403,
      "forbidden",
    ]);
  });
});
