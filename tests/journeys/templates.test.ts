import { ulid } from "ulid";
import { beforeAll, expect, test } from "vitest";
import { type TestTenant, api, expectApi, newTenant } from "../support/tenant.ts";

interface Template {
  readonly id: string;
  readonly name: string;
  readonly publishedVersion: number;
  readonly publishedVersionId?: string;
}
interface Refusal {
  readonly code: string;
  readonly errors?: readonly { readonly pointer: string; readonly code: string }[];
}

let tenant: TestTenant;
beforeAll(async () => {
  tenant = await newTenant();
});

const questions = [
  { id: "rooms", type: "section", label: "Your home" },
  { id: "floor", type: "number", label: "Which floor?", required: true, minimum: -2, maximum: 60 },
  {
    id: "kind",
    type: "choice",
    label: "What is it?",
    options: [
      { value: "flat", label: "A flat" },
      { value: "house", label: "A house" },
    ],
  },
];
const toCreate = { "if-none-match": "*" };

async function put(id: string, body: object, headers: Record<string, string>, query = "") {
  return await api<Template & Refusal>(`PUT /v1/templates/${id}${query}`, {
    token: tenant.owner.token,
    body,
    headers,
  });
}

async function created(name = "Moving") {
  const id = `tpl_${ulid()}`;
  const { status, headers } = await put(id, { name, questions }, toCreate);
  expect(status).toBe(200);
  return { id, etag: headers.get("etag") ?? "" };
}

async function publish(id: string, headers: Record<string, string> = {}) {
  return await api<{ id: string; version: number; questions: object[]; code: string }>(
    `POST /v1/templates/${id}/publish`,
    { token: tenant.owner.token, headers },
  );
}

test("a template is created, read, replaced and published", async () => {
  const { token } = tenant.owner;
  const { id, etag } = await created();
  const read = await expectApi<Template>(`GET /v1/templates/${id}`, 200, { token });
  expect(read.body).toMatchObject({ id, name: "Moving", questions, publishedVersion: 0 });
  expect(read.headers.get("etag")).toBe(etag);

  const first = await publish(id);
  expect(first.status).toBe(201);
  expect(first.body).toMatchObject({ templateId: id, version: 1, name: "Moving", questions });
  expect((await publish(id)).body.code).toBe("unchanged");

  const published = await expectApi<Template>(`GET /v1/templates/${id}`, 200, { token });
  expect(published.body).toMatchObject({ publishedVersion: 1, publishedVersionId: first.body.id });
  expect(published.headers.get("etag")).not.toBe(etag);

  const replaced = await put(
    id,
    { name: "Moving house", questions: questions.slice(1) },
    { "if-match": published.headers.get("etag") ?? "" },
  );
  expect(replaced.body).toMatchObject({ name: "Moving house", publishedVersion: 1, publishedVersionId: first.body.id });
  expect((await publish(id)).body).toMatchObject({ version: 2, questions: questions.slice(1) });
});

test("a version that somebody else has changed is not overwritten, and an id is used once", async () => {
  const { id, etag } = await created();
  const body = { name: "Newer", questions };
  expect((await put(id, body, toCreate)).status).toBe(412);
  expect((await put(id, body, { "if-match": etag })).status).toBe(200);
  expect((await put(id, body, { "if-match": etag })).status).toBe(412);
  expect((await put(id, body, {})).status).toBe(428);
  expect((await put(`tpl_${ulid()}`, body, { "if-match": etag })).status).toBe(404);
});

test("a dry run shows what would be stored and stores nothing", async () => {
  const { token } = tenant.owner;
  const id = `tpl_${ulid()}`;
  const shown = await put(id, { name: "Perhaps", questions }, toCreate, "?dryRun=true");
  expect(shown.body).toMatchObject({ id, name: "Perhaps", questions });
  expect(shown.headers.get("etag")).toBeNull();
  await expectApi(`GET /v1/templates/${id}`, 404, { token });

  const kept = await created();
  expect((await put(kept.id, { name: "Perhaps", questions }, toCreate, "?dryRun=true")).status).toBe(412);
  expect((await put(kept.id, { name: "Else", questions }, { "if-match": kept.etag }, "?dryRun=true")).status).toBe(200);
  const { body, headers } = await expectApi<Template>(`GET /v1/templates/${kept.id}`, 200, { token });
  expect(body.name).toBe("Moving");
  expect(headers.get("etag")).toBe(kept.etag);
});

test("faulty questions are refused with every fault at its place", async () => {
  const twice = [...questions, { id: "floor", type: "video", label: "Show it", minSeconds: 9, maxSeconds: 3 }];
  for (const query of ["", "?dryRun=true"]) {
    const { status, body } = await put(`tpl_${ulid()}`, { name: "Faulty", questions: twice }, toCreate, query);
    expect(status).toBe(422);
    expect(body.code).toBe("questions");
    expect(body.errors?.map(({ pointer }) => pointer)).toEqual(["/questions/3/id", "/questions/3/minSeconds"]);
  }
});

test("a fault against the schema is reported for the question's own type", async () => {
  const faulty = [{ id: "kind", type: "choice", label: "Kind", options: [{ value: "flat", label: "" }] }];
  const { status, body } = await put(`tpl_${ulid()}`, { name: "Faulty", questions: faulty }, toCreate);
  expect(status).toBe(400);
  expect(body.errors?.[0]?.pointer).toMatch(/^\/questions\/0\/options/u);
  const unknown = await put(
    `tpl_${ulid()}`,
    { name: "Faulty", questions: [{ id: "x", type: "poem", label: "X" }] },
    toCreate,
  );
  expect(unknown.body.errors?.[0]?.pointer).toBe("/questions/0");
});

test("publishing again with the same key gives the same version", async () => {
  const { id } = await created();
  const key = { "idempotency-key": ulid() };
  const first = await publish(id, key);
  const again = await publish(id, key);
  expect(again.status).toBe(201);
  expect(again.body).toEqual(first.body);
  expect(again.headers.get("idempotent-replayed")).toBe("true");
});

test("two who publish at once make one version", async () => {
  const { id } = await created();
  const answers = await Promise.all([publish(id), publish(id), publish(id)]);
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
  const { body } = await expectApi<Template>(`GET /v1/templates/${id}`, 200, { token: tenant.owner.token });
  expect(body.publishedVersion).toBe(1);
});

test("templates are listed page by page, without their questions", async () => {
  const other = await newTenant();
  const { token } = other.owner;
  for (const name of ["One", "Two", "Three"])
    await expectApi(`PUT /v1/templates/tpl_${ulid()}`, 200, { token, body: { name, questions }, headers: toCreate });
  const first = await expectApi<{ items: (Template & { questionCount: number })[]; nextCursor: string }>(
    "GET /v1/templates?limit=2",
    200,
    { token },
  );
  expect(first.body.items.map(({ name }) => name)).toEqual(["Three", "Two"]);
  expect(first.body.items[0]).toMatchObject({ questionCount: 3, publishedVersion: 0 });
  expect(first.body.items[0]).not.toHaveProperty("questions");
  const cursor = encodeURIComponent(first.body.nextCursor);
  const second = await expectApi<{ items: Template[]; nextCursor?: string }>(
    `GET /v1/templates?limit=2&cursor=${cursor}`,
    200,
    { token },
  );
  expect(second.body.items.map(({ name }) => name)).toEqual(["One"]);
  expect(second.body.nextCursor).toBeUndefined();
  const foreign = await api<Refusal>(`GET /v1/templates?limit=2&cursor=${cursor}`, { token: tenant.owner.token });
  expect(foreign.body.code).toBe("invalid_cursor");
});

test("surveyors and auditors read templates and change none; another tenant's do not exist", async () => {
  const { id } = await created();
  const other = await newTenant();
  await expectApi(`GET /v1/templates/${id}`, 404, { token: other.owner.token });
  await expectApi(`POST /v1/templates/${id}/publish`, 404, { token: other.owner.token });
  for (const role of ["surveyor", "auditor"] as const) {
    const { token } = await tenant.join(role);
    await expectApi(`GET /v1/templates/${id}`, 200, { token });
    await expectApi(`POST /v1/templates/${id}/publish`, 403, { token });
    await expectApi(`PUT /v1/templates/tpl_${ulid()}`, 403, {
      token,
      headers: toCreate,
      body: { name: "Mine", questions },
    });
  }
});
