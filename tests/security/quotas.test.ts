import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ulid } from "ulid";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { trust } from "../../local/certificates.ts";
import { maxKeys } from "../../shared/keys/apiKey.ts";
import { counterId } from "../../shared/tenancy/counter.ts";
import { limits } from "../../shared/tenants/tenant.ts";
import { type Side, draftOf, newDraftSurvey, newOpenSurvey, newSide } from "../contracts/side.ts";
import { amend, documents, erase, item, newEmail, write } from "../support/contracts.ts";
import { type RunningStack, startStackProcess } from "../support/stack.ts";
import { useStack } from "../support/stackUnderTest.ts";
import { api, expectApi } from "../support/tenant.ts";

/** As many as the host takes at a time (`host.json`). */
const parallel = 200;
/** What is left of a quota when they come. */
const left = 10;

let folder: string;
let stack: RunningStack;
let side: Side;
let token: string;
// A stack of its own: on the shared one the host would send others away meanwhile.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "callpilot-quotas-"));
  stack = await startStackProcess({ dataDir: folder, args: ["--no-seed"] });
  trust(await readFile(stack.caFile, "utf8"));
  useStack(stack);
  side = await newSide();
  ({ token } = side.people.owner);
});
afterAll(async () => {
  await stack.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Asked {
  readonly operation: string;
  readonly token: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

const many = <T>(make: (place: number) => T, count = parallel) =>
  Array.from({ length: count }, (_, place) => make(place));
const keyed = (request: Asked): Asked => ({ ...request, headers: { "idempotency-key": ulid() } });

/** Sends all at once; gives the ids that were made, and how often each refusal was given. */
async function atOnce(requests: readonly Asked[]) {
  const made: string[] = [];
  const refusals: Record<string, number> = {};
  const answers = await Promise.all(
    requests.map(({ operation, ...options }) => api<{ id?: string; code?: string }>(operation, options)),
  );
  for (const { status, body } of answers) {
    const refusal = `${status} ${body.code ?? ""}`;
    if (status < 400) made.push(String(body.id));
    else refusals[refusal] = (refusals[refusal] ?? 0) + 1;
  }
  return { made: made.toSorted(), refusals };
}

const allBut = (count: number) => ({ "409 quota_exceeded": parallel - count });

/** The ids of what the tenant has of a kind, and what its counter says. */
async function counted(kind: string, counter: string) {
  const all = await documents(side.id);
  const value: unknown = all.find(({ id }) => id === counterId(counter))?.["value"];
  return { ids: all.filter((document) => document.kind === kind).map(({ id }) => id), value: Number(value) };
}

describe(`of ${parallel} at once, exactly as many succeed as a quota has left:`, () => {
  const size = 1_000;
  const survey = () => ({ templateVersionId: side.templateVersionId, guest: { name: "Gerda Guest" } });
  const member = () => ({ email: newEmail(), role: "surveyor" });
  const video = { questionId: "room", size, contentType: "video/mp4" };
  const asMember = (operation: string, body: () => object) => () =>
    many(() => keyed({ operation, token, body: body() }));

  test.each([
    ["surveys", "survey", 1, asMember("POST /v1/surveys", survey)],
    ["members", "invitation", 1, asMember("POST /v1/members", member)],
    ["videoBytes", "video", size, uploads],
  ] as const)("%s, and repeats count once", async (quota, kind, unit, prepare) => {
    const requests = await prepare();
    const before = await counted(kind, quota);
    await amend(side.id, side.id, { [`/quotas/${quota}`]: before.value + left * unit });
    const first = await atOnce(requests);
    expect([new Set(first.made).size, first.refusals]).toEqual([left, allBut(left)]);
    expect(await atOnce(requests)).toEqual(first);
    const after = await counted(kind, quota);
    expect(after).toEqual({ ids: [...before.ids, ...first.made].sort(), value: before.value + left * unit });
    await amend(side.id, side.id, { [`/quotas/${quota}`]: 1_000_000 });
  });

  /** Five on each of many surveys, so that no survey's own bound comes first. */
  async function uploads(): Promise<readonly Asked[]> {
    const surveys = await Promise.all(many(() => newOpenSurvey(side), parallel / 5));
    return surveys.flatMap(({ guest }) =>
      many(() => keyed({ operation: "POST /v1/guest/videos", token: guest, body: video }), 5),
    );
  }

  test("webhooks, also of a tenant from before they were counted", async () => {
    const { ids } = await counted("webhook", "webhooks");
    await erase(side.id, [counterId("webhooks")]);
    const url = "https://hooks.example.com/callpilot";
    const fields = { url, events: ["export.ready"], status: "disabled", protectedSecret: "" };
    const known = many(() => item(side.id, "webhook", `whk_${ulid()}`, fields), limits.webhooks - left - ids.length);
    await write(side.id, known);
    const body = { url, events: ["export.ready"] };
    const { made, refusals } = await atOnce(many(() => ({ operation: "POST /v1/webhooks", token, body })));
    expect([new Set(made).size, refusals]).toEqual([left, allBut(left)]);
    const after = await counted("webhook", "webhooks");
    expect([after.ids.length, after.value]).toEqual([limits.webhooks, limits.webhooks]);
  });

  test("service keys", async () => {
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    const one = { operation: "POST /v1/keys", token, body: { name: "ERP", scopes: ["surveys:read"], expiresAt } };
    await atOnce([one]);
    const before = await counted("apiKey", "keys");
    await amend(side.id, counterId("keys"), { "/value": maxKeys - left });
    const { made, refusals } = await atOnce(many(() => one));
    expect([new Set(made).size, refusals]).toEqual([left, allBut(left)]);
    const { ids, value } = await counted("apiKey", "keys");
    expect([ids.length - before.ids.length, value]).toEqual([left, maxKeys]);
  });

  test("templates", async () => {
    const before = await counted("template", "templates");
    await amend(side.id, counterId("templates"), { "/value": limits.templates - left });
    const { made, refusals } = await atOnce(many(newTemplate));
    expect([new Set(made).size, refusals]).toEqual([left, allBut(left)]);
    const { ids, value } = await counted("template", "templates");
    expect([ids.length - before.ids.length, value]).toEqual([left, limits.templates]);
  });

  test("versions of templates", async () => {
    const before = await counted("templateVersion", "templateVersions");
    await amend(side.id, counterId("templateVersions"), { "/value": limits.templateVersions - left });
    const fields = { ...draftOf(side.questionId), publishedVersion: 0 };
    const drafts = many(() => item(side.id, "template", `tpl_${ulid()}`, fields));
    for (let at = 0; at < parallel; at += 100) await write(side.id, drafts.slice(at, at + 100));
    const { made, refusals } = await atOnce(
      drafts.map(({ id }) => ({ operation: `POST /v1/templates/${id}/publish`, token })),
    );
    expect([new Set(made).size, refusals]).toEqual([left, allBut(left)]);
    const { ids, value } = await counted("templateVersion", "templateVersions");
    expect([ids.length - before.ids.length, value]).toEqual([left, limits.templateVersions]);
  });
});

function newTemplate(): Asked {
  const headers = { "if-none-match": "*" };
  return { operation: `PUT /v1/templates/tpl_${ulid()}`, token, headers, body: draftOf(side.questionId) };
}

test("templates and versions of a tenant from before they were counted are counted with the next one", async () => {
  await erase(side.id, [counterId("templates"), counterId("templateVersions")]);
  const { made } = await atOnce([newTemplate()]);
  const templates = await counted("template", "templates");
  expect([templates.value, templates.ids.includes(made[0] ?? "")]).toEqual([templates.ids.length, true]);
  await expectApi(`POST /v1/templates/${made[0] ?? ""}/publish`, 201, { token });
  const versions = await counted("templateVersion", "templateVersions");
  expect(versions.value).toBe(versions.ids.length);
});

describe("a survey's own bounds hold, however many requests come at once:", () => {
  const body = { questionId: "room", size: 1, contentType: "video/mp4" };
  const starts = (guest: string) => many(() => ({ operation: "POST /v1/guest/videos", token: guest, body }));

  test("uploads that have not arrived", async () => {
    const { guest } = await newOpenSurvey(side);
    const before = await counted("video", "videoBytes");
    const { made, refusals } = await atOnce(starts(guest));
    expect([new Set(made).size, refusals]).toEqual([5, allBut(5)]);
    // Whoever gives up one may begin another.
    await expectApi(`DELETE /v1/guest/videos/${made[0] ?? ""}`, 204, { token: guest });
    const again = await atOnce(starts(guest));
    expect([new Set(again.made).size, again.refusals]).toEqual([1, allBut(1)]);
    expect((await counted("video", "videoBytes")).value - before.value).toBe(5);
  });

  test("recordings in all", async () => {
    const { guest, surveyId } = await newOpenSurvey(side);
    await amend(side.id, surveyId, { "/videoCount": 96 });
    const { made, refusals } = await atOnce(starts(guest));
    expect([new Set(made).size, refusals]).toEqual([3, allBut(3)]);
  });

  test("links in all", async () => {
    const surveyId = await newDraftSurvey(side);
    await amend(side.id, surveyId, { "/linkCount": 48 });
    const link = { operation: `POST /v1/surveys/${surveyId}/links`, token, body: { channel: "none" } };
    const { made, refusals } = await atOnce(many(() => link));
    // A link replaces the one before it, so two at once are in conflict.
    expect(Object.keys(refusals).filter((each) => !["409 conflict", "409 quota_exceeded"].includes(each))).toEqual([]);
    expect([1, 2]).toContain(made.length);
    const survey = (await documents(side.id)).find(({ id }) => id === surveyId);
    expect(survey?.["linkCount"]).toBe(48 + made.length);
  });
});
