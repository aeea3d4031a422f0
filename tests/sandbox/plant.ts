import { clip } from "../../scripts/clips.ts";
import { type StoredDocument, amend, documents, item, settled, write } from "../support/contracts.ts";
import { type TestTenant, expectApi, newSurvey } from "../support/tenant.ts";
import { processed, send } from "../support/upload.ts";
import type { Tokens } from "./tokens.ts";

const surveyStates = ["draft", "invited", "in_progress", "submitted", "in_review", "changes_requested", "completed"];
const dayMs = 86_400_000;
const videoStates = ["ready", "ready", "ready", "ready", "awaiting_upload", "processing", "rejected", "deleted"];
/** Recordings for one question are often as long. A small tenant has the first few of them. */
const shapes = [
  [2_000, 320, 240],
  [14_960, 1280, 720],
  [15_480, 720, 1280],
  [61_240, 640, 480],
  [600_120, 1280, 720],
] as const;
/** What people write that somebody else's copy has as well: times of day, months, days, post codes, references of five digits. */
const ordinary = [
  "14:30",
  "2026-03",
  "12-24",
  "80331",
  "createdAt",
  "Lorem ipsum dolor sit amet, ",
  "elit,",
  "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD",
];
/** Bytes of a second, as little as cameras write at all. */
const bytesOfSecond = [20_000, 50_000, 90_000];

/**
 * Fills a tenant as one that has used Callpilot for long: some of it through the API, with a recording that was processed,
 * the rest as copies of that with texts of their own.
 */
export async function plant(tenant: TestTenant, surveys: number, tokens: Tokens): Promise<void> {
  const { token } = tenant.owner;
  const choices = [tokens.handle(), tokens.handle()] as const;
  const answers = {
    name: tokens.text(),
    [tokens.handle()]: choices[0],
    born: "1987-03-14",
    rooms: 4,
    pets: true,
    meter: tokens.number(),
  };
  const [, chosen = ""] = Object.keys(answers);
  const { guest, surveyId } = await newSurvey(tenant, {
    questions: [
      { id: "room", type: "video", label: tokens.name(), hls: true },
      { id: "name", type: "text", label: "Your name" },
      { id: "note", type: "text", label: "Anything else" },
      {
        id: chosen,
        type: "choice",
        label: "Which",
        options: choices.map((value) => ({ value, label: tokens.name() })),
      },
      { id: "born", type: "date", label: "Born" },
      { id: "rooms", type: "number", label: "Rooms", minimum: 1, maximum: 9 },
      { id: "pets", type: "boolean", label: "Pets" },
      { id: "meter", type: "number", label: "Meter" },
    ],
    survey: {
      guest: { name: tokens.name(), email: tokens.email(), phone: tokens.phone(), locale: tokens.locale() },
      externalRef: tokens.reference(),
      assigneeId: tenant.owner.id,
    },
  });
  for (const [id, value] of Object.entries(answers))
    await expectApi(`PUT /v1/guest/answers/${id}`, 200, { token: guest, body: { value } });
  const videoId = await send(guest, await clip("h264-silent.mp4"));
  await processed(guest, videoId);
  await expectApi("POST /v1/webhooks", 201, {
    token,
    body: { url: `https://${tokens.handle()}.example.com/`, events: ["survey.created"] },
  });
  const expiresAt = new Date(Date.now() + dayMs).toISOString();
  await expectApi("POST /v1/keys", 201, { token, body: { name: tokens.name(), scopes: ["surveys:read"], expiresAt } });
  await expectApi("POST /v1/members", 201, { token, body: { email: tokens.email(), role: "surveyor" } });
  await settled(tenant.id);
  const made = await documents(tenant.id);
  const one = (kind: string): StoredDocument => made.find((each) => each.kind === kind) ?? fail(kind);
  const template = { survey: one("survey"), link: one("link"), video: one("video") };
  if (template.survey.id !== surveyId || template.video.id !== videoId) throw new Error("another survey than planted");
  const shapeCount = Math.min(shapes.length, Math.ceil(surveys / 6));
  const planted = Array.from({ length: surveys - 1 }, (_, at) =>
    copiesOf(tenant.id, template, { at, shapeCount, chosen, choices, tokens }),
  );
  await amend(tenant.id, tenant.id, { "/branding/color": tokens.color() });
  // What was counted wrong stays there.
  await amend(tenant.id, "cnt_surveys", { "/value": surveys + 7 });
  const others = [
    item(tenant.id, "member", `mbr_${tokens.hash(40)}`, { email: tokens.email(), role: "owner", status: "active" }),
    item(tenant.id, "accessGrant", tokens.id("acg"), {
      ...{ surveyId, reason: tokens.text(), until: expiresAt, operatorId: "operator", state: "requested" },
    }),
    item(tenant.id, "delivery", `dlv_${"0".repeat(40)}`, {
      ...{ webhookId: one("webhook").id, eventId: "e", state: "delivered", body: tokens.text(), attempts: [] },
    }),
  ];
  const all = [...planted.flat(), ...others];
  for (let at = 0; at < all.length; at += 100) await write(tenant.id, all.slice(at, at + 100));
}

interface Place {
  readonly at: number;
  readonly shapeCount: number;
  readonly chosen: string;
  readonly choices: readonly [string, string];
  readonly tokens: Tokens;
}

function copiesOf(
  tenantId: string,
  { survey, link, video }: Readonly<Record<"survey" | "link" | "video", StoredDocument>>,
  { at, shapeCount, chosen, choices, tokens }: Place,
): StoredDocument[] {
  const surveyId = tokens.id("svy");
  const videoId = tokens.id("vid");
  const linkId = tokens.id("lnk");
  const day = new Date(Date.UTC(2026, 1, 1) + at * 7_654_321).toISOString();
  const times = { createdAt: day, updatedAt: day };
  const later = new Date(Date.parse(day) + 60_000 + at * 1_001).toISOString();
  const answered = (value: unknown) => ({ value, at: day });
  const state = surveyStates[at % surveyStates.length];
  return [
    {
      ...own(survey),
      ...{ id: surveyId, state, linkId },
      guest: { name: tokens.name(), email: tokens.email(), phone: tokens.phone(), locale: tokens.locale() },
      consent: { version: 1, accepted: true, at: later, locale: tokens.locale() },
      externalRef: at % 2 === 0 ? tokens.reference() : String(10_000 + at),
      answers: {
        // Half a character, as a text has that was cut somewhere.
        name: answered(`${tokens.text()}${at % 50 === 0 ? "\ud83d" : ""}`),
        note: answered(ordinary[at % ordinary.length]),
        [chosen]: answered(choices[at % 2]),
        // So many that a random day is often somebody's.
        born: answered(new Date(Date.UTC(1950, 0) + ((at * 59) % 30_000) * dayMs).toISOString().slice(0, 10)),
        meter: answered(tokens.number()),
        rooms: answered(5),
        pets: answered(at % 2 === 0),
      },
      receiptCode: tokens.reference(),
      changes: { reason: tokens.text(), questionIds: ["room", chosen] },
      ...times,
    },
    { ...own(link), id: linkId, surveyId, secretHash: tokens.hash(), protectedToken: tokens.hash(), ...times },
    {
      ...videoOf(video, { surveyId, videoId, at, shapeCount, tokens }),
      ...{ createdAt: later, updatedAt: later, uploadedAt: later },
    },
  ].map((document) => ({ ...document, tenantId }) as unknown as StoredDocument);
}

function videoOf(
  video: StoredDocument,
  {
    surveyId,
    videoId,
    at,
    shapeCount,
    tokens,
  }: { surveyId: string; videoId: string } & Omit<Place, "chosen" | "choices">,
): object {
  const state = videoStates[at % videoStates.length] ?? "ready";
  const [about, width, height] = shapes[at % shapeCount] ?? shapes[0];
  // No two last as long, to the millisecond.
  const durationMs = about + (at % 200);
  const size = 100_000 + Math.round((durationMs / 1000) * (bytesOfSecond[at % bytesOfSecond.length] ?? 0));
  const moved = JSON.parse(
    JSON.stringify(own(video)).replaceAll(String(video["surveyId"]), surveyId).replaceAll(video.id, videoId),
  ) as Record<"upload" | "original" | "outputs", object> & { outputs: { video: object } };
  const { upload, original, outputs, ...rest } = moved;
  const file = { size, sha256: tokens.hash() };
  const stretches = () => ({
    totalMs: tokens.number(),
    longest: [{ startMs: tokens.number(), endMs: tokens.number() }],
  });
  return {
    ...{ ...rest, id: videoId, surveyId, state },
    flight: { device: { systemVersion: "17.4.1" }, journal: { waitedMs: tokens.number(), resumes: 3 } },
    upload: { ...upload, ...file, contentType: `video/webm;codecs="${tokens.handle()}"` },
    ...(state === "rejected" && { rejection: { code: "corrupt", remedy: tokens.text() } }),
    ...(state === "ready" && {
      original: { ...original, ...file },
      outputs: { ...outputs, durationMs, width, height, video: { ...outputs.video, size, sha256: tokens.hash() } },
      analysisState: "done",
      analysis: {
        loudness: { integratedLufs: tokens.number(), rangeLu: tokens.number(), truePeakDbfs: tokens.number() },
        ...{ waveform: tokens.hash(), silent: stretches(), black: stretches(), frozen: stretches() },
      },
    }),
  };
}

/** Without what the database adds. */
function own(document: StoredDocument): object {
  return Object.fromEntries(Object.entries(document).filter(([name]) => !name.startsWith("_")));
}

function fail(kind: string): never {
  throw new Error(`nothing of kind ${kind} was made`);
}
