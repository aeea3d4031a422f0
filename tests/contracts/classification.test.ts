import { globSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { clip } from "../../scripts/clips.ts";
import { ownFields } from "../../scripts/sandbox/redact.ts";
import { kinds } from "../../shared/kinds.ts";
import {
  type Classification,
  type FieldClasses,
  classifications,
  isListOfWords,
} from "../../shared/tenancy/classification.ts";
import { logHead } from "../../shared/tenancy/log.ts";
import { type StoredDocument, database, documents } from "../support/contracts.ts";
import { type TestTenant, expectApi, newSurvey, newTenant } from "../support/tenant.ts";
import { processed, send } from "../support/upload.ts";

let tenant: TestTenant;
beforeAll(async () => {
  tenant = await newTenant();
  const { guest, surveyId } = await newSurvey(tenant);
  const { token } = tenant.owner;
  await expectApi("PUT /v1/guest/answers/name", 200, { token: guest, body: { value: "Gerda" } });
  expect(await processed(guest, await send(guest, await clip("h264-silent.mp4")))).toMatchObject({ state: "ready" });
  await expectApi(`POST /v1/surveys/${surveyId}/links`, 201, { token, body: { channel: "email" } });
  const webhook = { url: "https://hooks.example.com/", events: ["survey.created"] };
  const { body } = await expectApi<{ id: string }>("POST /v1/webhooks", 201, { token, body: webhook });
  await expectApi(`POST /v1/webhooks/${body.id}/rotate`, 200, { token });
  const expiresAt = new Date(Date.now() + 86_400_000).toISOString();
  await expectApi("POST /v1/keys", 201, { token, body: { name: "Export", scopes: ["surveys:read"], expiresAt } });
}, 90_000);
afterAll(() => {
  database().dispose();
});

/** The ways to the fields of an item that its kind says nothing of. */
function unclassified(item: StoredDocument): string[] {
  const { kind } = item;
  if (kind === logHead) return [];
  const known = kinds.find(({ name }) => name === kind);
  if (known === undefined) return [kind];
  return within(known.fields, ownFields(item), kind);
}

function within(fields: FieldClasses, value: object, way: string): string[] {
  return Object.entries(value).flatMap(([name, inner]: [string, unknown]): string[] => {
    const here = `${way}.${name}`;
    const said = Object.hasOwn(fields, name) ? fields[name] : fields["*"];
    const members = (Array.isArray(inner) ? inner : [inner]).filter((member) => member !== null);
    if (said === undefined) return [here];
    return members.flatMap((member: unknown) => {
      if (typeof said === "string") return typeof member === "object" ? [here] : [];
      if (isListOfWords(said)) return said.some((word) => word === member) ? [] : [here];
      return typeof member === "object" && member !== null ? within(said, member, here) : [here];
    });
  });
}

test("every kind that the sources define is among those that are listed", () => {
  const files = globSync("shared/**/*.ts").filter((file) => !file.endsWith(".test.ts"));
  // The name is the first text behind the call.
  const calls = files.flatMap((file) => readFileSync(file, "utf8").split("= defineKind<").slice(1));
  const defined = calls.map((call) => call.split('"')[1] ?? "");
  expect(defined.length).toBeGreaterThan(20);
  expect(kinds.map(({ name }) => name).toSorted()).toEqual(defined.toSorted());
});

test("every classification is one of the closed list, and each of them is in use", () => {
  const saidIn = (fields: FieldClasses): Classification[] =>
    Object.values(fields).flatMap((said) => (typeof said === "string" || isListOfWords(said) ? [said] : saidIn(said)));
  const said = kinds.flatMap(({ fields }) => saidIn(fields)).filter((one) => typeof one === "string");
  expect([...new Set(said)].toSorted()).toEqual(classifications.toSorted());
});

test("every field that is stored for a tenant is classified", async () => {
  const stored = await documents(tenant.id);
  expect([...new Set(stored.flatMap(unclassified))]).toEqual([]);
  const seen = new Set(stored.map(({ kind }) => kind));
  for (const kind of ["survey", "link", "video", "webhook", "apiKey", "member", "tenant", "template"])
    expect(seen, kind).toContain(kind);
});

test("a field that nobody has classified is named, however deep, and so is a kind that nobody knows", async () => {
  const survey = (await documents(tenant.id)).find(({ kind }) => kind === "survey");
  if (survey === undefined) throw new Error("no survey");
  const guest = { ...(survey["guest"] as object), birthday: "1990-01-01" };
  expect(unclassified({ ...survey, guest, mood: "good" }).sort()).toEqual(["survey.guest.birthday", "survey.mood"]);
  expect(unclassified({ ...survey, state: { text: "hidden" } })).toEqual(["survey.state"]);
  expect(unclassified({ ...survey, state: "forgotten" })).toEqual(["survey.state"]);
  expect(unclassified({ ...survey, kind: "diary" })).toEqual(["diary"]);
});
