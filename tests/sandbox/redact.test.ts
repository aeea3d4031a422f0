import { ulid } from "ulid";
import { describe, expect, test } from "vitest";
import { LeakScan } from "../../scripts/sandbox/leakScan.ts";
import { finishes, plan } from "../../scripts/sandbox/plan.ts";
import { Pseudonyms, sizeClass, standIns } from "../../scripts/sandbox/pseudonyms.ts";
import { Unclassified, redacted, valuesOf } from "../../scripts/sandbox/redact.ts";
import { kinds } from "../../shared/kinds.ts";
import { Email, Phone } from "../../shared/schema.ts";
import { surveyKind } from "../../shared/surveys/survey.ts";
import { type Question, QuestionId } from "../../shared/templates/template.ts";
import { DerivedId, Id } from "../../shared/tenancy/ids.ts";
import type { StoredItem } from "../../shared/tenancy/repository.ts";
import { fault } from "../../shared/validator.ts";
import { blobNames } from "../../shared/videos/video.ts";

const pseudonyms = new Pseudonyms(Buffer.alloc(32, 1));
const others = new Pseudonyms(Buffer.alloc(32, 2));
const at = "2026-03-04T05:06:07.890Z";

const questions: Question[] = [
  { id: "who", type: "text", label: "Who" },
  { id: "which", type: "choice", label: "Which", options: [] },
  { id: "born", type: "date", label: "Born" },
  { id: "rooms", type: "number", label: "Rooms", minimum: 2, maximum: 5 },
  { id: "pets", type: "boolean", label: "Pets" },
];

function survey(fields: object = {}): StoredItem {
  return {
    ...{
      id: `svy_${ulid()}`,
      tenantId: `tnt_${ulid()}`,
      kind: "survey",
      schemaVersion: 1,
      createdAt: at,
      updatedAt: at,
    },
    ...{ _etag: '"1"', state: "submitted", templateVersionId: `tpv_${ulid()}`, videoCount: 2 },
    guest: { name: "Gerda Gast", email: "gerda.gast@example.com", phone: "+491701234567", locale: "de" },
    externalRef: "POL-4711-2026",
    answers: {
      who: { value: "My aunt Wilhelmina", at },
      which: { value: ["kitchen-door", "cellar"], at },
      born: { value: "1987-03-14", at },
      rooms: { value: 3, at },
      pets: { value: null, at },
    },
    ...fields,
  };
}

const copyOf = (item: StoredItem, by = pseudonyms) => redacted(item, surveyKind, by, () => Promise.resolve(questions));

describe("a pseudonym", () => {
  test("is the same for the same value, wherever it stands, and another with another key", () => {
    const id = `svy_${ulid()}`;
    const videoId = `vid_${ulid()}`;
    const { original } = blobNames(id, videoId);
    expect(pseudonyms.id(original)).toBe(blobNames(pseudonyms.id(id), pseudonyms.id(videoId)).original);
    expect(pseudonyms.id(id)).not.toBe(id);
    expect(others.id(id)).not.toBe(pseudonyms.id(id));
    expect(pseudonyms.email("Anna@Example.com")).toBe(pseudonyms.email("anna@example.com"));
    expect(pseudonyms.personal("Anna")).not.toBe(pseudonyms.personal("anna"));
  });

  test("is what the contracts take for the value", () => {
    for (let count = 0; count < 50; count++) {
      expect(fault(Id("svy"), pseudonyms.id(`svy_${ulid()}`))).toBeUndefined();
      expect(fault(DerivedId("mbr"), pseudonyms.id(`mbr_${String(count).padStart(40, "a")}`))).toBeUndefined();
      expect(fault(QuestionId, pseudonyms.handle(`room-${count}`))).toBeUndefined();
      expect(fault(Email, pseudonyms.email(`${count}@example.com`))).toBeUndefined();
      expect(fault(Phone, pseudonyms.phone(`+4917012345${count}`))).toBeUndefined();
    }
  });

  test("of what looks like no id is nothing that anybody recognises", () => {
    expect(pseudonyms.id("Gerda Gast")).toMatch(/^x_[0-9a-f]{40}$/u);
    expect(pseudonyms.id(`originals/Gerda/vid_${ulid()}`)).toMatch(/^x_[0-9a-f]{40}$/u);
  });

  test("of times keeps their order and distance, and not the day", () => {
    const [first, second] = [pseudonyms.time(at), pseudonyms.time("2026-03-04T05:06:08.890Z")];
    expect(Date.parse(second) - Date.parse(first)).toBe(1000);
    expect(Date.parse(at) - Date.parse(first)).toBeGreaterThanOrEqual(86_400_000);
    expect(pseudonyms.time("2026-03-04")).toMatch(/^\d{4}-\d\d-\d\d$/u);
  });

  test("of a file's size tells the power of two below it", () => {
    expect([0, 1, 1023, 1024, 5_000_000_000].map(sizeClass)).toEqual([0, 1, 512, 1024, 2 ** 32]);
  });
});

describe("a redacted item", () => {
  test("has the shape of the original and none of what was personal", async () => {
    const original = survey();
    const copy = await copyOf(original);
    expect(copy).toMatchObject({ kind: "survey", state: "submitted", videoCount: 2, guest: { locale: "de" } });
    expect(copy).not.toHaveProperty("tenantId");
    expect(copy).not.toHaveProperty("_etag");
    const scan = new LeakScan(standIns);
    scan.learn(original, valuesOf(original, surveyKind));
    expect(scan.search([copy])).toEqual([]);
    expect(scan.search([original]).length).toBeGreaterThan(8);
  });

  test("has answers that fit their questions", async () => {
    const { answers } = (await copyOf(survey())) as unknown as { answers: Record<string, { value: unknown }> };
    const answer = (id: string) => answers[pseudonyms.handle(id)]?.value;
    expect(answer("who")).toHaveLength("My aunt Wilhelmina".length);
    expect(answer("which")).toEqual(["kitchen-door", "cellar"].map((value) => pseudonyms.handle(value)));
    expect(answer("born")).toMatch(/^\d{4}-\d\d-\d\d$/u);
    expect([2, 3, 4, 5]).toContain(answer("rooms"));
    expect(answer("pets")).toBeNull();
  });

  test.each([
    ["a field", { mood: "good" }, "survey.mood is not classified"],
    ["a field inside", { guest: { name: "G", birthday: "1990-01-01" } }, "survey.guest.birthday is not classified"],
    ["fields where there was a word", { state: { text: "x" } }, "survey.state has fields that are not classified"],
    ["a word where there were fields", { guest: "Gerda" }, "survey.guest is classified as something with fields"],
    ["a number for a name", { guest: { name: 4711 } }, "survey.guest.name is no personal"],
  ])("is not made of an item with %s that nobody classified", async (_, fields, message) => {
    await expect(copyOf(survey(fields))).rejects.toThrow(new Unclassified(message));
  });
});

test("every kind has a fate, and nothing else has one", () => {
  expect(Object.keys(plan).toSorted()).toEqual(kinds.map(({ name }) => name).toSorted());
});

describe("the leak scan", () => {
  const scan = new LeakScan(standIns);
  const known = survey();
  scan.learn(known, valuesOf(known, surveyKind));
  const found = (value: unknown) =>
    scan.search([{ ...survey(), guest: {}, answers: {}, externalRef: "", changes: value }]);

  test.each([
    ["as it was", "Gerda Gast"],
    ["in another case and sentence", "ask GERDA GAST, please"],
    ["a word of it", "her name was Wilhelmina"],
    ["in Base64", Buffer.from("name: wilhelmina").toString("base64")],
    ["in Base64 for URLs", Buffer.from("??>>wilhelmina").toString("base64url")],
    ["in hexadecimal", Buffer.from("wilhelmina").toString("hex")],
    ["in a URL", "https://x.invalid/?n=Gerda%20Gast"],
    ["in letters of double width", "Ｇｅｒｄａ Ｇａｓｔ"],
    ["deep inside", { a: [{ b: "POL-4711-2026" }] }],
    ["as a key", { "gerda.gast@example.com": 1 }],
  ])("finds a value %s", (_, value) => {
    expect(found(value).map(({ way }) => way.startsWith("survey.changes"))).toContain(true);
  });

  test("does not take chance for a leak", () => {
    expect(found("xgerda gastronomy lorem ipsum")).toEqual([]);
  });

  test("takes no word or number for a leak that is copied as it is, whoever wrote it as well", () => {
    const ordinary = new LeakScan([...standIns, ...finishes]);
    const text = "The webhook is disabled, processing failed; the video is submitted.";
    const rooms = { rooms: { value: 1_000_001, at } };
    const written = survey({ externalRef: text, answers: rooms, videoCount: 1_000_001 });
    ordinary.learn(written, valuesOf(written, surveyKind));
    const copy = {
      ...survey({ guest: {}, answers: {}, externalRef: "", videoCount: 1_000_001 }),
      id: "svy_1",
      templateVersionId: "",
    };
    expect(ordinary.search([{ ...copy, tenantId: "", note: "disabled, processing_failed" }])).toEqual([]);
    expect(ordinary.search([{ ...copy, tenantId: "", note: text }]).map(({ way }) => way)).toEqual(["survey.note"]);
  });

  test("tells where something is, never what", () => {
    expect(JSON.stringify(found("Wilhelmina"))).not.toContain("ilhelmina");
  });

  test("finds everything that is hidden for it", () => {
    const { tried, missed } = scan.missed(100);
    expect(tried).toBeGreaterThan(50);
    expect(missed).toBe(0);
  });
});
