import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Mail, until } from "../../local/client.ts";
import { mailPage, mailPagePolicy } from "../../local/mailPage.ts";
import { toJson } from "../../shared/web/json.ts";
import { type Side, newSide } from "../contracts/side.ts";
import { stackUnderTest } from "../support/stackUnderTest.ts";
import { api, expectApi, operatorToken } from "../support/tenant.ts";
import { BrowserForTests, type Deeds, type Rendered } from "./browser.ts";
import { canaryHost, payloads, visiblePayloads } from "./payloads.ts";
import { type Kept, type NamedTenant, TextKeeper, nameTenant } from "./storeTexts.ts";
import { textFields } from "./textFields.ts";

/** Fields with a form that excludes every payload, found by their schemas: addresses, times, ids, hashes and the like. */
const formed = textFields().filter(({ free: isFree }) => !isFree);
const free = textFields().filter(({ free: isFree }) => isFree);

/** Free fields whose text is not kept: it has to be something in particular, and is compared with that. */
const compared: Readonly<Record<string, string>> = {
  "acceptInvitation token": "401 invitation_invalid",
  "openGuestSession token": "401 link_invalid",
  "startUpload contentType": "415 unsupported_type",
  "createWebhook url": "422 unsafe_url",
};

/** The name of a tenant makes a tenant: these are read there. */
const ofTenants = "createTenant name";

/**
 * Each field takes one payload in so many, the next field others, which is enough to find a field that is treated in
 * another way. PAYLOAD_SHARE=1 sends every payload through every field, in a minute or two.
 */
const share = Number(process.env["PAYLOAD_SHARE"] ?? 6);
const reference = "Reference";
const startedAt = new Date().toISOString();

/** Several, because some things are counted: a tenant has at most 50 keys. */
let sides: readonly Side[];
let kept: readonly Kept[];
let tenants: readonly NamedTenant[];
let browser: BrowserForTests;

/** Whether it is the payload's turn; always, where few fields take it. */
function isDue(payload: string, turn: number): boolean {
  const few = free.filter(({ takes }) => takes.includes(payload)).length < 2 * share;
  return few || (payloads.indexOf(payload) + turn) % share === 0;
}

beforeAll(async () => {
  sides = await Promise.all(Array.from({ length: 3 }, () => newSide()));
  const operator = await operatorToken();
  const texts = free
    .filter(({ name }) => name !== ofTenants)
    .flatMap((field, turn) => {
      const some = field.takes.filter((payload) => isDue(payload, turn));
      const keepers = sides.map((side) => new TextKeeper(side, field));
      return keepers.map((keeper, at) => async () => {
        const own = some.filter((_, place) => place % keepers.length === at);
        const done: Kept[] = [];
        for (const payload of own) done.push(await keeper.keep(payload));
        return done;
      });
    });
  const visible = visiblePayloads.filter((_, place) => place % Math.min(share, 2) === 0);
  const names = (free.find(({ name }) => name === ofTenants)?.takes ?? []).filter((text) => visible.includes(text));
  const named = [reference, ...names].map((name) => () => nameTenant(operator, name));
  // Making tenants is mostly waiting for mails.
  const [allTenants, allKept] = await Promise.all([atOnce(named, 24), atOnce(texts)]);
  tenants = allTenants;
  kept = allKept.flat();
  browser = await BrowserForTests.start();
}, 120_000);
afterAll(async () => {
  await browser[Symbol.asyncDispose]();
});

async function atOnce<T>(works: readonly (() => Promise<T>)[], parallel = 8): Promise<T[]> {
  const done: T[] = [];
  const entries = works.entries();
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      for (const [at, work] of entries) done[at] = await work();
    }),
  );
  return done;
}

describe("a text that means harm", () => {
  test("goes through every field that takes free text, and each payload through one at least", () => {
    expect(formed.length + free.length).toBe(textFields().length);
    expect(free.length).toBeGreaterThan(8);
    expect(new Set(kept.map(({ field }) => field)).size).toBe(free.length - 1);
    const texts = new Set(kept.map(({ text }) => text));
    expect(payloads.filter((payload) => !texts.has(payload.normalize("NFC")))).toEqual([]);
  });

  test("is for no field whose form leaves no room", () => {
    const forms =
      /(?:Id|Ids\/\*|[eE]mail|phone|locale|At|until|sha256|blocks\/\*|id|value|value\/\*|scopes\/\*|Version|userAgent)$/u;
    expect(formed.map(({ name }) => name).filter((name) => !forms.test(name))).toEqual([]);
  });

  test.each(free.map(({ name }) => name).filter((name) => name !== ofTenants))("reads the same again: %s", (name) => {
    const own = kept.filter(({ field }) => field === name);
    expect(own.length).toBeGreaterThan(0);
    const expected = compared[name];
    if (expected === undefined) expect(own.filter(({ shownIn }) => shownIn.length === 0)).toEqual([]);
    else expect(new Set(own.map(({ outcome }) => outcome))).toEqual(new Set([expected]));
  });

  test("reads the same again: the name of a tenant", () => {
    expect(tenants.map(({ shown }) => (JSON.parse(shown) as { name: string }).name)).toEqual(
      tenants.map(({ text }) => text),
    );
  });
});

const nothing: Deeds = { dialogs: [], requests: [] };
const deedsOf = ({ dialogs, requests }: Deeds): Deeds => ({ dialogs, requests });

/** A page into which JSON is put as it is, as data for a script and as text. */
function pageWith(bodies: readonly string[]): string {
  const parts = bodies.map((body) => `<script type="application/json">${body}</script><div>${body}</div>`);
  return `<!doctype html><html><head><title>Answers</title></head><body>${parts.join("")}</body></html>`;
}
const skeletonOf = (bodies: readonly string[]) => [
  "html",
  "head",
  "title",
  "body",
  ...bodies.flatMap(() => ["script type", "div"]),
];

/** Problems that quote what was sent. */
async function quotingProblems(): Promise<readonly string[]> {
  const token = sides[0]?.people.owner.token;
  const answers = await atOnce(
    payloads.flatMap((payload) => [
      () => api(`GET /v1/surveys?${encodeURIComponent(payload)}=1`, { token }),
      () => api("POST /v1/surveys", { token, body: { [payload]: 1 } }),
      () => api(`GET /v1/surveys/${encodeURIComponent(payload)}`, { token }),
      () => api("GET /v1/tenant", { headers: { authorization: `Bearer ${encodeURIComponent(payload)}` } }),
    ]),
  );
  return answers.filter(({ status }) => status !== 404).map(({ text }) => text);
}

describe("an answer that is put into a page as it is", () => {
  test("stays data and text: what was stored", async () => {
    const bodies = [
      ...new Set([...kept.flatMap(({ shownIn }) => shownIn.slice(0, 1)), ...tenants.map(({ shown }) => shown)]),
    ];
    const page = await browser.render(pageWith(bodies));
    expect(deedsOf(page)).toEqual(nothing);
    expect(page.elements).toEqual(skeletonOf(bodies));
    expect(page.texts).toEqual(["Answers", ...bodies.flatMap((body) => [body, body])]);
  });

  test("stays data and text: problems that quote", async () => {
    const bodies = await quotingProblems();
    expect(bodies.length).toBeGreaterThan(payloads.length);
    const page = await browser.render(pageWith(bodies));
    expect(deedsOf(page)).toEqual(nothing);
    expect(page.elements).toEqual(skeletonOf(bodies));
  });

  test("would not, were it not encoded", async () => {
    const bodies = payloads.map((payload) => JSON.stringify({ payload }));
    expect(bodies).not.toEqual(payloads.map((payload) => toJson({ payload })));
    const page = await browser.render(pageWith(bodies));
    expect(page.dialogs.length).toBeGreaterThan(0);
    expect(page.requests.some((url) => url.includes(canaryHost))).toBe(true);
    expect(page.elements).not.toEqual(skeletonOf(bodies));
  });
});

/** The document is the reference's, with the text in its name's place: no element, no attribute and no other text more. */
function expectSame(page: Rendered, like: Rendered, text: string): void {
  expect(page.elements).toEqual(like.elements);
  const put = (other: string) => other.replaceAll(reference, () => text);
  const shown = like.texts.map((other, at) => (other.includes(reference) ? put(other) : page.texts[at]));
  expect(page.texts).toEqual(shown);
  // A title has single spaces, whatever it is made of (HTML, 3.2.2).
  const spaced = (title: string) => title.replaceAll(/[ \t\n\f\r]+/gu, " ").trim();
  expect(page.title).toBe(spaced(put(like.title)));
}

describe("a mail", () => {
  test.each([
    ["an invitation", 0],
    ["a link", 1],
  ] as const)("shows names as text: %s", async (_name, at) => {
    const { rendered, ...deeds } = await browser.renderAll(tenants.map(({ mails }) => mails[at]?.content.html ?? ""));
    expect(deedsOf(deeds)).toEqual(nothing);
    const [like, ...named] = rendered;
    expect(named).toHaveLength(tenants.length - 1);
    expect(like?.texts.filter((text) => text.includes(reference)).length).toBeGreaterThan(1);
    for (const [place, page] of named.entries()) expectSame(page, like ?? page, tenants[place + 1]?.text ?? "");
  });

  test("shows an operator's reason as text", async () => {
    const reasons = kept.filter(({ field }) => field === "createAccessRequest reason").map(({ text }) => text);
    expect(reasons.length).toBeGreaterThan(10);
    const mails = await until("the owners' mails", 30, async () => {
      const all = (await Promise.all(sides.map(({ people }) => mailsTo(people.owner.email)))).flat();
      const own = reasons.flatMap((text) =>
        all.filter(({ plainText }) => plainText?.includes(`\n${text}\n`)).slice(0, 1),
      );
      return own.length === reasons.length ? own : undefined;
    });
    const { rendered, ...deeds } = await browser.renderAll(mails.map(({ html }) => html ?? ""));
    expect(deedsOf(deeds)).toEqual(nothing);
    expect(new Set(rendered.map(({ elements }) => elements.join())).size).toBe(1);
    expect(rendered[0]?.elements.some(isActive)).toBe(false);
    expect(reasons.filter((text, at) => rendered[at]?.texts.includes(text) !== true)).toEqual([]);
  }, 60_000);

  test("says in plain text and in its subject what it says in HTML", () => {
    for (const { text, mails } of tenants)
      for (const { content } of mails) {
        expect(content.subject).toContain(text);
        expect(content.plainText).toContain(text);
        expect(content.subject).not.toMatch(/[\r\n]/u);
      }
  });

  test("would not, were it not encoded", async () => {
    const html = tenants[0]?.mails[0]?.content.html ?? "";
    const documents = [reference, ...visiblePayloads].map((text) => html.replaceAll(reference, () => text));
    const { rendered, dialogs, requests } = await browser.renderAll(documents);
    const [like, ...named] = rendered.map(({ elements }) => elements.join());
    expect(named.filter((elements) => elements !== like).length).toBeGreaterThan(20);
    expect(dialogs.length).toBeGreaterThan(5);
    expect(requests.filter((url) => url.includes(canaryHost)).length).toBeGreaterThan(3);
  });

  test("is shown by the local mailbox as it is", async () => {
    const mails = tenants.flatMap(({ mails: own }) =>
      own.slice(0, 1).map(({ content }) => ({
        content,
        id: "",
        operationId: "",
        receivedAt: startedAt,
        senderAddress: "a@b",
        recipients: { to: [{ address: "a@b", displayName: content.subject }] },
      })),
    );
    const shown = mails.slice(0, 100);
    const page = await browser.render(mailPage(shown), mailPagePolicy as Record<string, string>);
    expect(page.dialogs).toEqual([]);
    expect(page.requests.filter((url) => url.includes(canaryHost))).toEqual([]);
    const count = (name: string) => page.elements.filter((element) => element.split(" ")[0] === name).length;
    expect(["script", "img", "svg", "object", "embed", "form", "link", "base", "iframe"].map(count)).toEqual([
      ...[0, 0, 0, 0, 0, 0, 0, 0],
      shown.length,
    ]);
    expect(shown.filter(({ content }) => !page.texts.includes(content.subject))).toEqual([]);
  });

  test("is shown by the running mailbox without running anything", async () => {
    const answer = await fetch(stackUnderTest().mailUrl);
    const headers = { "content-security-policy": answer.headers.get("content-security-policy") ?? "" };
    const page = await browser.render(await answer.text(), headers);
    expect(page.dialogs).toEqual([]);
    expect(page.requests.filter((url) => url.includes(canaryHost))).toEqual([]);
    expect(
      page.elements.filter((element) => /^(?:script|img|svg|object|embed|form|link|base)\b/u.test(element)),
    ).toEqual([]);
  });
});

async function mailsTo(address: string): Promise<readonly Mail["content"][]> {
  const answer = await fetch(`${stackUnderTest().mailUrl}/messages?to=${encodeURIComponent(address)}`);
  return ((await answer.json()) as { messages: readonly Mail[] }).messages.map(({ content }) => content);
}

/** Whether an element could run or load something, or has a handler. */
function isActive(element: string): boolean {
  const [name = "", ...attributes] = element.split(" ");
  const active = ["script", "img", "svg", "iframe", "object", "embed", "form", "link", "base"];
  return active.includes(name) || attributes.some((attribute) => attribute.startsWith("on"));
}

test("the guest page is the same whatever its address says", async () => {
  const { text, headers } = await expectApi("GET /s", 200);
  const policy = { "content-security-policy": headers.get("content-security-policy") ?? "" };
  const like = await browser.render(text, policy);
  expect(like.elements.some(isActive)).toBe(false);
  for (const payload of payloads) {
    const answer = await api(`GET /s?${encodeURIComponent(payload)}`);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([
      400,
      "application/problem+json; charset=utf-8",
    ]);
  }
});

test("no text and no line of somebody else's making is in the log", async () => {
  const log = await readFile(join(stackUnderTest().dataDir, "functions.log"), "utf8");
  const lines = log.split("\n").filter((line) => line !== "");
  const messages = lines.map((line) => JSON.parse(line) as { time: string; message: string });
  const own = messages.filter(({ time }) => time >= startedAt).map(({ message }) => message);
  expect(own.length).toBeGreaterThan(kept.length);
  // One word alone can be a word of ours.
  const telling = payloads.filter((payload) => payload.length > 8 && /\W/u.test(payload));
  const spellings = telling.flatMap((payload) => [payload, JSON.stringify(payload).slice(1, -1)]);
  expect(own.filter((message) => spellings.some((spelling) => message.includes(spelling)))).toEqual([]);
  // Where a function fails, as other tests have it do, the host keeps the error's stack.
  const written = own.filter((message) => !message.startsWith("Failed: "));
  expect(written.filter((message) => /[\r\n]/u.test(message))).toEqual([]);
}, 60_000);
