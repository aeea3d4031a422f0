import { ulid } from "ulid";
import { describe, expect, test } from "vitest";
import { LeakScan, normal } from "../../scripts/sandbox/leakScan.ts";
import { plan } from "../../scripts/sandbox/plan.ts";
import { Pseudonyms, durationClass, languageOf, lengthClass, sizeClass } from "../../scripts/sandbox/pseudonyms.ts";
import { Unclassified, redacted, valuesOf } from "../../scripts/sandbox/redact.ts";
import { kinds } from "../../shared/kinds.ts";
import { Email, Phone } from "../../shared/schema.ts";
import { surveyKind } from "../../shared/surveys/survey.ts";
import { type Question, QuestionId } from "../../shared/templates/template.ts";
import { DerivedId, Id } from "../../shared/tenancy/ids.ts";
import type { StoredItem } from "../../shared/tenancy/repository.ts";
import { fault } from "../../shared/validator.ts";
import { blobNames, videoKind } from "../../shared/videos/video.ts";

const pseudonyms = new Pseudonyms(Buffer.alloc(32, 1), "tnt_1");
const others = new Pseudonyms(Buffer.alloc(32, 2), "tnt_1");
const at = "2026-03-04T05:06:07.890Z";

const choices = ["kitchen-door", "cellar", "attic", "roof"].map((value) => ({ value, label: value }));
const questions: Question[] = [
  { id: "who", type: "text", label: "Who" },
  { id: "which", type: "choice", label: "Which", multiple: true, options: choices },
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

  test("is another one in another tenant's copy", () => {
    const elsewhere = new Pseudonyms(Buffer.alloc(32, 1), "tnt_2");
    expect(elsewhere.email("anna@example.com")).not.toBe(pseudonyms.email("anna@example.com"));
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

  test("of one subject's times keeps their order and distance, and not the day; another's moves by another time", () => {
    const moved = (text: string, subject = "svy_1") => Date.parse(pseudonyms.time(text, subject) ?? "");
    expect(moved("2026-03-04T05:06:08.890Z") - moved(at)).toBe(1000);
    expect(Date.parse(at) - moved(at)).toBeGreaterThanOrEqual(86_400_000);
    const all = Array.from({ length: 50 }, (_, count) => moved(at, `svy_${count}`));
    expect(new Set(all).size).toBe(50);
    expect(Math.max(...all) - Math.min(...all)).toBeGreaterThan(7 * 86_400_000);
    expect(pseudonyms.time("2026-03-04", "svy_1")).toMatch(/^\d{4}-\d\d-\d\d$/u);
  });

  test("of the earliest time is a time, and of what is none there is none", () => {
    expect(pseudonyms.time("0000-01-01T00:00:00.000Z", "svy_1")).toBe("0000-01-01T00:00:00.000Z");
    expect(pseudonyms.time("2026-06-30T23:59:60Z", "svy_1")).toBeUndefined();
  });

  test.each([
    ["de", "de"],
    ["fr-CH", "fr-CH"],
    ["zh-Hant-TW", "zh-TW"],
    ["de-Hans-Mueller", "de"],
    ["de-x-gerda", "de"],
    ["de-QQ", "de"],
    ["bob", "und"],
    ["Gerda Gast", "und"],
    ["", "und"],
  ])("of the locale %s is %s: a language, a region, and nothing else that somebody put there", (locale, language) => {
    expect(languageOf(locale)).toBe(language);
  });

  test("of a deadline is a midnight, from which nobody can tell how far its subject moved", () => {
    const moved = (text: string) => pseudonyms.deadline(text, "svy_1");
    expect(moved("2026-03-04T17:00:00.000Z")).toMatch(/^2026-0[23]-\d\dT00:00:00\.000Z$/u);
    const days =
      Date.parse(moved("2026-04-04T17:00:00.000Z") ?? "") - Date.parse(moved("2026-03-04T17:00:00.000Z") ?? "");
    expect(days).toBe(31 * 86_400_000);
    expect(moved("soon")).toBeUndefined();
  });

  test("of a duration is as a player shows it", () => {
    expect([0, 1, 500, 1_499, 1_500, 61_234, 3_600_990].map(durationClass)).toEqual([
      0, 1_000, 1_000, 1_000, 2_000, 61_000, 3_601_000,
    ]);
  });

  test("of a text is about as long", () => {
    expect([0, 1, 2, 3, 5, 6, 18, 24, 5_000].map(lengthClass)).toEqual([0, 1, 2, 3, 4, 6, 16, 24, 4_096]);
    expect(pseudonyms.freeText("😀".repeat(17))).toHaveLength(16);
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
    const scan = new LeakScan();
    scan.learn(original, valuesOf(original, surveyKind));
    expect(scan.search([copy])).toEqual([]);
    expect(scan.search([original]).length).toBeGreaterThan(8);
  });

  test("has answers that fit their questions", async () => {
    const { answers } = (await copyOf(survey())) as unknown as { answers: Record<string, { value: unknown }> };
    const answer = (id: string) => answers[pseudonyms.handle(id)]?.value;
    expect(answer("who")).toHaveLength(lengthClass("My aunt Wilhelmina".length));
    const chosen = answer("which") as string[];
    expect(new Set(chosen).size).toBe(2);
    expect(choices.map(({ value }) => pseudonyms.handle(value))).toEqual(expect.arrayContaining(chosen));
    expect(answer("born")).toMatch(/^\d{4}-\d\d-\d\d$/u);
    expect([2, 3, 4, 5]).toContain(answer("rooms"));
    expect(answer("pets")).toBeNull();
  });

  test("has choices that tell nothing of those that were made", async () => {
    const asked: Question[] = [{ id: "which", type: "choice", label: "Which", options: choices }];
    const told = await Promise.all(
      Array.from({ length: 100 }, async () => {
        const original = survey({ answers: { which: { value: "cellar", at } } });
        const copy = await redacted(original, surveyKind, pseudonyms, () => Promise.resolve(asked));
        return (copy as unknown as { answers: Record<string, { value: string }> }).answers[pseudonyms.handle("which")]
          ?.value;
      }),
    );
    expect(new Set(told)).toEqual(new Set(choices.map(({ value }) => pseudonyms.handle(value))));
  });

  test.each([
    ["17.4.1", "17"],
    ["14526.89.0", "9999"],
  ])("has of the version %s no more than %s", async (systemVersion, copied) => {
    const video = {
      id: "vid_1",
      kind: "video",
      schemaVersion: 1,
      createdAt: at,
      updatedAt: at,
      tenantId: "tnt_1",
      _etag: "",
    };
    const item = { ...video, flight: { device: { systemVersion } } } as unknown as StoredItem;
    const copy = await redacted(item, videoKind, pseudonyms, () => Promise.resolve(undefined));
    expect(copy["flight"]).toEqual({ device: { systemVersion: copied } });
  });

  test.each([
    [{}, 0, 100],
    [{ minimum: 2, maximum: 5 }, 2, 5],
    [{ minimum: 0.2, maximum: 0.8 }, 0.2, 0.2],
    [{ minimum: 1_234_567, maximum: 1_234_569 }, 1_234_567, 1_234_567],
    [{ minimum: 1_000_000, maximum: 9_000_000 }, 1_000_000, 9_000_000],
    [{ maximum: -5 }, -5, -5],
  ])("has round numbers for a question that takes %j", async (bounds, least, most) => {
    const asked: Question[] = [{ id: "rooms", type: "number", label: "Rooms", ...bounds }];
    for (let count = 0; count < 20; count++) {
      const original = survey({ answers: { rooms: { value: 1_234_568, at } } });
      const copy = await redacted(original, surveyKind, pseudonyms, () => Promise.resolve(asked));
      const { answers } = copy as unknown as { answers: Record<string, { value: number }> };
      const answer = Number(answers[pseudonyms.handle("rooms")]?.value);
      expect(answer).toBeGreaterThanOrEqual(least);
      expect(answer).toBeLessThanOrEqual(most);
      if (least !== most) expect(answer).toBe(Number(answer.toPrecision(3)));
    }
  });

  test.each([
    ["a field", { mood: "good" }, "survey.mood is not classified"],
    ["a field inside", { guest: { name: "G", birthday: "1990-01-01" } }, "survey.guest.birthday is not classified"],
    ["fields where there was a word", { state: { text: "x" } }, "survey.state has fields that are not classified"],
    ["a word where there were fields", { guest: "Gerda" }, "survey.guest is classified as something with fields"],
    [
      "fields that a map's entry does not have",
      { answers: { secretword: { mood: 1 } } },
      "survey.answers.*.mood is not classified",
    ],
    ["a number for a name", { guest: { name: 4711 } }, "survey.guest.name is classified as personal, and is not"],
    [
      "a word that is not of its list",
      { state: "Gerda" },
      "survey.state is classified as one of some words, and is not",
    ],
    [
      "a word where there was a figure",
      { videoCount: "Gerda" },
      "survey.videoCount is classified as technical, and is not",
    ],
    ["a word for a time", { dueAt: "soon" }, "survey.dueAt is classified as deadline, and is not"],
    [
      "a second that no clock has",
      { dueAt: "2026-06-30T23:59:60Z" },
      "survey.dueAt is classified as deadline, and is not",
    ],
  ])("is not made of an item with %s that nobody classified", async (_, fields, message) => {
    await expect(copyOf(survey(fields))).rejects.toThrow(new Unclassified(message));
  });
});

test("every kind has a fate, and nothing else has one", () => {
  expect(Object.keys(plan).toSorted()).toEqual(kinds.map(({ name }) => name).toSorted());
});

describe("the leak scan", () => {
  const scan = new LeakScan();
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

  const learned = (...items: readonly StoredItem[]) => {
    const fresh = new LeakScan();
    for (const item of items) fresh.learn(item, valuesOf(item, surveyKind));
    return fresh;
  };
  const bare = (fields: object) =>
    survey({ guest: {}, answers: {}, externalRef: "", id: "x", templateVersionId: "", ...fields });

  test("takes no word or number for a leak that is in every copy or copied as it is, whoever wrote it as well", () => {
    const text = "The survey is submitted; lorem ipsum dolor.";
    const scan = learned(
      survey({ externalRef: text, answers: { rooms: { value: 1_000_001, at } }, videoCount: 1_000_001 }),
    );
    expect(
      scan.search([bare({ tenantId: "", videoCount: 1_000_001, note: "submitted; Lorem ipsum dolor sit" })]),
    ).toEqual([]);
    expect(scan.search([bare({ tenantId: "", note: text })]).map(({ way }) => way)).toEqual(["survey.*"]);
  });

  test.each([
    ["a time of day", "05:14"],
    ["a month", "2026-03"],
    ["a day of any year", "12-24"],
    ["a day", "1987-03-14"],
    ["five characters", "10000"],
    ["a name of ours", "createdAt"],
    ["half of our filler", "elit,"],
    ["a domain of ours", "@redacted.invalid"],
    ["what nobody can read", "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD"],
    ["a filler of their own", "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor"],
    ["a round number", 45_000_000],
    ["a power of two", 4_194_304],
    ["a time as programs write it", "2026-03-04T05:05"],
  ])("does not stop for %s, which is in copies of others as well", (_, value) => {
    const answers = { who: { value, at: "2026-03-04T05:05:14.890Z" } };
    const original = bare({ answers, externalRef: typeof value === "string" ? value : "POL-1" });
    const scan = learned(original);
    const times = { createdAt: "2026-03-04T05:05:14.890Z", updatedAt: "2026-12-24T10:10:05.141Z" };
    const receiptCode = "ABCDE-10000-05AAA-FGHJK";
    const ours = {
      kind: "survey",
      ...times,
      receiptCode,
      day: "1987-03-14",
      text: pseudonyms.freeText("x".repeat(5_000)),
    };
    const hashes = Array.from({ length: 50 }, (__, count) => others.fingerprint(count.toString(16).padStart(64, "0")));
    expect(
      scan.search([
        { ...ours, id: others.id(`svy_${ulid()}`), schemaVersion: 1, hashes, email: pseudonyms.email("a") },
      ]),
    ).toEqual([]);
  });

  test.each([
    ["a name in a script without spaces", "王小明", "住户王小明先生"],
    ["one in Hangul", "김민수", "담당자 김민수입니다"],
    ["a phone's number in another form", "+491701234567", "call 491701234567"],
    ["a number as a text", 1_234_567_891, "meter 1234567891"],
    ["a text as a number", "1234567891", 1_234_567_891],
    ["an encoding that begins anywhere", "Wilhelmina", `id_${Buffer.from("-- wilhelmina --").toString("base64")}`],
    ["one of Base64 in a URL", "Wilhelmina?>>", encodeURIComponent(Buffer.from("?>wilhelmina?>>").toString("base64"))],
    ["a text in a form's encoding", "Li Wei Bo", "name=Li+Wei+Bo"],
    ["a number with an exponent", 1.2345678e-7, "is 1.2345678e-7"],
    ["hexadecimal that begins anywhere", "Wilhelmina", `0${Buffer.from("-- wilhelmina --").toString("hex")}`],
  ])("finds %s", (_, value, leak) => {
    const scan = learned(bare({ answers: { who: { value, at } } }));
    expect(scan.missed(100).missed).toBe(0);
    expect(scan.search([bare({ tenantId: "", note: leak })])).toEqual([
      { item: 0, way: "survey.*", of: "survey.answers.*.value" },
    ]);
  });

  test("overlooks nothing because somebody typed it where a language belongs", () => {
    const scan = learned(
      survey({ guest: { name: "Hans Mueller", locale: "de-Hans-Mueller" } }),
      survey({ externalRef: "fr-CH" }),
    );
    expect(scan.search([bare({ tenantId: "", note: "Mueller" })])).toHaveLength(1);
    expect(
      learned(survey({ externalRef: "fr-CH", guest: { name: "G", locale: "fr-CH" } })).search([
        bare({ note: "fr-CH", tenantId: "" }),
      ]),
    ).toEqual([]);
  });

  test.each([
    "Weiß in der Großen Straße",
    "\u0149ame",
    "Işıl Yıldırım",
    "ΟΔΥΣΣΕΥΣ ὀδυσσεύς",
    "ﬃeld İstanbul",
    "Gerda \ud800 Gast",
    "กรุงเทพมหานคร",
    "王小明住在北京市朝阳区",
  ])("finds %s in whatever case and code", (name) => {
    const scan = learned(survey({ guest: { name, email: "some.body@example.com" } }));
    const { tried, missed } = scan.missed(100);
    expect(tried).toBeGreaterThan(5);
    expect(missed).toBe(0);
    for (const spelling of [name, name.toUpperCase(), name.toLowerCase(), name.normalize("NFD")])
      expect(scan.search([bare({ tenantId: "", note: `-- ${spelling} --` })]), spelling).toHaveLength(1);
  });

  test("finds the name in an address, and tells no name that is none of ours", () => {
    const scan = learned(bare({ guest: { email: "ann.otto@example.com" } }));
    expect(scan.search([bare({ tenantId: "", guest: { "Ann.Otto": "ask ann.otto" } })])).toEqual([
      { item: 0, way: "survey.guest.*", of: "survey.guest.email" },
      { item: 0, way: "survey.guest.*", of: "survey.guest.email" },
    ]);
  });

  test("has one spelling for every character and its other cases", () => {
    const several: string[] = [];
    for (let code = 0; code <= 0x1_ff_ff; code++) {
      const text = String.fromCodePoint(code);
      const one = normal(text);
      const others = [one, text.toLowerCase(), text.toUpperCase(), one.toLowerCase(), text.normalize("NFD")];
      if (others.some((other) => normal(other) !== one)) several.push(code.toString(16));
    }
    expect(several).toEqual([]);
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
