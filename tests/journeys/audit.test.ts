import { beforeAll, describe, expect, test } from "vitest";
import { until } from "../../local/client.ts";
import { type AuditEntry, logEntry } from "../../shared/log/auditView.ts";
import { entryHash, genesis } from "../../shared/tenancy/logEntry.ts";
import { newReadyVideo } from "../contracts/cases.ts";
import { type Side, newSide } from "../contracts/side.ts";
import { type TestTenant, api, expectApi, newSurvey, newTenant } from "../support/tenant.ts";

interface Page {
  readonly items: readonly AuditEntry[];
  readonly nextCursor?: string;
}

async function page(token: string, query: Record<string, string> = {}): Promise<Page> {
  const { body } = await expectApi<Page>(`GET /v1/audit?${new URLSearchParams(query).toString()}`, 200, { token });
  return body;
}

/** All of it, page by page, newest first. */
async function audit(token: string, query: Record<string, string> = {}): Promise<AuditEntry[]> {
  const items: AuditEntry[] = [];
  for (let cursor: string | undefined = ""; cursor !== undefined;) {
    const found: Page = await page(token, { ...query, ...(cursor !== "" && { cursor }) });
    items.push(...found.items);
    cursor = found.nextCursor;
  }
  return items;
}

/** The entries, once there are so many. */
async function entries(token: string, query: Record<string, string>, count: number): Promise<AuditEntry[]> {
  return await until(`${count} entries`, 20, async () => {
    const found = await audit(token, query);
    return found.length >= count ? found : undefined;
  });
}

describe("the audit of a tenant", () => {
  let tenant: TestTenant;
  let surveyId: string;
  beforeAll(async () => {
    tenant = await newTenant();
    ({ surveyId } = await newSurvey(tenant));
    await entries(tenant.owner.token, { target: surveyId }, 4);
  });

  test("tells who did what, to which, from where, with which result", async () => {
    const [made] = (await audit(tenant.owner.token, { target: surveyId })).slice(-1);
    expect(made).toMatchObject({
      action: "createSurvey",
      actor: { type: "member", id: tenant.owner.id },
      target: surveyId,
      result: "done",
      type: "survey.created",
      source: expect.stringMatching(/^[0-9a-f]{32}$/u) as string,
    });
  });

  test("is a chain: each entry's hash can be computed, and stands in the next one", async () => {
    const all = (await audit(tenant.owner.token, { limit: "7" })).reverse();
    expect(all.length).toBeGreaterThan(7);
    let prevHash = genesis;
    for (const [at, view] of all.entries()) {
      const { hash, ...unhashed } = logEntry(view);
      expect([view.sequence, view.prevHash, hash]).toEqual([at + 1, prevHash, entryHash(unhashed)]);
      prevHash = hash;
    }
  });

  test("is found by actor and by time", async () => {
    const { token, id } = tenant.owner;
    const own = await audit(token, { actor: id });
    expect(new Set(own.map(({ actor }) => actor.id))).toEqual(new Set([id]));
    const [newest, second] = own;
    const from = newest?.time ?? "";
    expect((await audit(token, { from })).every(({ time }) => time >= from)).toBe(true);
    expect((await audit(token, { actor: id, to: from })).map((entry) => entry.id)).not.toContain(newest?.id);
    expect((await audit(token, { actor: id, to: from })).map((entry) => entry.id)).toContain(second?.id);
    expect(await audit(token, { to: "2020-01-01T00:00:00Z" })).toEqual([]);
  });

  test("is a table for a spreadsheet, too", async () => {
    const { token } = tenant.owner;
    const month = new Date().toISOString().slice(0, 7);
    const whole = await expectApi(`GET /v1/audit/download?month=${month}`, 200, { token });
    expect(whole.headers.get("content-type")).toBe("text/csv; charset=utf-8");
    expect(whole.headers.get("content-disposition")).toBe(`attachment; filename="audit-${month}.csv"`);
    expect(whole.headers.get("x-content-type-options")).toBe("nosniff");
    const [head, first] = whole.text.split("\r\n");
    expect(head?.split(",")[0]).toBe('"sequence"');
    expect(first).toMatch(/^1,"\d{4}-/u);
    const rest = await expectApi(`GET /v1/audit/download?month=${month}&after=2`, 200, { token });
    expect(rest.text.split("\r\n")[1]).toMatch(/^3,/u);
    const none = await expectApi("GET /v1/audit/download?month=2020-01", 200, { token });
    expect(none.text.split("\r\n")).toEqual([head, ""]);
  });
});

describe("what changes nothing is in the audit, too:", () => {
  let side: Side;
  let other: Side;
  beforeAll(async () => {
    [side, other] = await Promise.all([newSide(), newSide()]);
  });

  test("what a role may not do, once a minute however often it is tried", async () => {
    const { token, id } = side.people.auditor;
    const attempt = () => api("POST /v1/members", { token, body: { email: "x@test.localhost", role: "admin" } });
    const answers = await Promise.all(Array.from({ length: 5 }, attempt));
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403]);
    const found = await entries(side.people.owner.token, { actor: id }, 1);
    // The five may have been on both sides of a minute's end.
    expect([1, 2]).toContain(found.length);
    expect(found[0]).toMatchObject({ action: "addMember", target: side.id, result: "denied", code: "forbidden" });
  });

  test("whose thing was tried that is not there for the caller, in the caller's own tenant only", async () => {
    const { videoId, surveyId } = await newReadyVideo(other);
    const { token, id } = side.people.admin;
    await expectApi(`POST /v1/surveys/${surveyId}/videos/${videoId}/playback`, 404, { token });
    const [entry] = await entries(side.people.owner.token, { actor: id, target: videoId }, 1);
    expect(entry).toMatchObject({ action: "createPlayback", result: "denied", code: "not_found" });
    expect(await audit(other.people.owner.token, { actor: id })).toEqual([]);
  });

  test("what a caller wrote where an id belongs stays out of it", async () => {
    const { token, id } = side.people.surveyor;
    await expectApi("GET /v1/surveys/Gerda%20Guest", 404, { token });
    const [entry] = await entries(side.people.owner.token, { actor: id }, 1);
    expect(entry).toMatchObject({ action: "getSurvey", target: side.id, result: "denied" });
  });

  test("who was granted to watch which video", async () => {
    const { videoId, surveyId } = await newReadyVideo(side);
    const { token, id } = side.people.auditor;
    const play = () => expectApi(`POST /v1/surveys/${surveyId}/videos/${videoId}/playback`, 200, { token });
    await play();
    await play();
    const found = await entries(side.people.owner.token, { target: videoId }, 1);
    expect([1, 2]).toContain(found.length);
    expect(found[0]).toMatchObject({ action: "createPlayback", actor: { type: "member", id }, result: "done" });
  });

  test("nothing of who is not known", async () => {
    await expectApi("GET /v1/surveys", 401, { token: "cpk_forged.forged.forged" });
    await expectApi("GET /v1/surveys", 403, { token: side.stranger });
    const denied = (await audit(side.people.owner.token)).filter(({ result }) => result === "denied");
    expect(denied.filter(({ actor }) => actor.type !== "member")).toEqual([]);
  });

  test("what comes after one refusal that was repeated a hundred times", async () => {
    const { token, id } = side.people.owner;
    const tried = (at: number) => `svy_01M894XPK5Z7YNZEP0YTK${String(at).padStart(5, "0")}`;
    for (let times = 0; times < 100; times++) await expectApi(`GET /v1/surveys/${tried(0)}`, 404, { token });
    await expectApi(`GET /v1/surveys/${tried(1)}`, 404, { token });
    const [entry] = await entries(token, { actor: id, target: tried(1) }, 1);
    expect(entry).toMatchObject({ action: "getSurvey", result: "denied", code: "not_found" });
  });

  test("who tries every id does not fill the log: what exceeds 60 is one entry for each function", async () => {
    const { token, id } = side.people.admin;
    // More than two windows of 60 take, in case they span an end of one.
    const tries = Array.from({ length: 150 }, (_, at) => `svy_01M894XPK5Z7YNZEP0YTJ${String(at).padStart(5, "0")}`);
    await Promise.all(tries.map(async (surveyId) => expectApi(`GET /v1/surveys/${surveyId}`, 404, { token })));
    await expectApi("DELETE /v1/keys/key_01M894XPK5Z7YNZEP0YTJ00000", 404, { token });
    const owner = side.people.owner.token;
    const last = await until("the last refusal", 20, async () =>
      (await audit(owner, { actor: id })).find(({ action }) => action === "revokeKey"),
    );
    expect(last).toMatchObject({ result: "denied", code: "not_found" });
    const found = await audit(owner, { actor: id });
    expect(found.length).toBeLessThanOrEqual(2 * 60 + 4);
    expect(found).toContainEqual(
      expect.objectContaining({ action: "getSurvey", target: side.id, result: "denied", code: "not_found" }),
    );
  });
});
