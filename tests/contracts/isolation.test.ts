import { ulid } from "ulid";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { signIn } from "../../local/client.ts";
import { parameterNames } from "../../shared/triggers/contract.ts";
import {
  type Operation,
  type Request,
  type StoredDocument,
  brokenPromises,
  operations,
  bytes,
  newEmail,
  send,
  settled,
  state,
} from "../support/contracts.ts";
import { expectApi, openSession } from "../support/tenant.ts";
import { callerFor, caseOf, every, newReadyVideo, requestOn, sendByte } from "./cases.ts";
import { type Side, newOpenSurvey, newSide } from "./side.ts";
import { isToken, missing, mixed, namesIn, notFound, replaced, strays } from "./strays.ts";

/** What an operation is asked on the own tenant, on the other, and on another thing of the own. */
interface Prepared {
  readonly mine: Request;
  readonly other: Request;
  readonly sibling: Request;
}

let own: Side;
let foreign: Side;
let prepared: ReadonlyMap<string, Prepared>;
let before: readonly (readonly StoredDocument[])[];

const states = () => Promise.all([state(own.id), state(foreign.id)]);

beforeAll(async () => {
  [own, foreign] = await Promise.all([newSide(), newSide()]);
  const preparing = operations.map(async (operation) => {
    const [mine, other, sibling] = await Promise.all([own, foreign, own].map((side) => requestOn(side, operation)));
    if (mine === undefined || other === undefined || sibling === undefined) throw new Error("nothing is prepared");
    return [operation.name, { mine, other, sibling }] as const;
  });
  prepared = new Map(await Promise.all(preparing));
  await Promise.all([settled(own.id), settled(foreign.id)]);
  before = await states();
});
afterAll(async () => {
  expect(await brokenPromises()).toEqual([]);
});

function requestsOf({ name }: Operation): Prepared {
  const requests = prepared.get(name);
  if (requests === undefined) throw new Error(`nothing is prepared for ${name}`);
  return requests;
}

/** What a request names in its path. */
function idsOf({ params = {} }: Request): string[] {
  return Object.values(params);
}

describe("what is not there for the caller is not found:", () => {
  const parameterised = every(({ contract }) => parameterNames(contract.route).length > 0);

  test.each(parameterised)("%s of another tenant, of nothing, of what is no id", async (_, operation) => {
    const { contract } = operation;
    const { mine, other, sibling } = requestsOf(operation);
    const headers = new Set<string>();
    for (const [label, stray] of strays(mine, other, sibling)) {
      // A version that is known, as if it had leaked, opens nothing either.
      const version = label.includes("foreign") ? other.headers : mine.headers;
      const answer = await send(contract, { ...stray, ...(version !== undefined && { headers: version }) });
      expect([label, bytes(answer)]).toEqual([label, notFound]);
      headers.add([...answer.headers.keys()].join());
    }
    expect(headers.size).toBe(1);
    expect(await states()).toEqual(before);
  });
});

const naming = every((operation) => namesIn(operation).length > 0);

describe("what a body or a query names is looked for in the caller's tenant only:", () => {
  test.each(naming)("%s has every field in its case that names something", (_, operation) => {
    expect(Object.keys(caseOf(operation).names ?? {}).sort()).toEqual(namesIn(operation).sort());
  });

  const fields = naming.flatMap(([name, operation]) =>
    namesIn(operation)
      .filter((path) => !isToken(path))
      .map((path) => [name, path, operation] as const),
  );
  test.each(fields)("%s at %s", async (_, path, operation) => {
    const { contract } = operation;
    const { mine, sibling } = requestsOf(operation);
    const name = caseOf(operation).names?.[path];
    const [theirs = "", ours = ""] = await Promise.all([name?.(foreign), name?.(own)]);
    const stray = await send(contract, replaced(mine, path, theirs));
    expect(bytes(stray)).toBe(bytes(await send(contract, replaced(mine, path, missing(theirs)))));
    const refused = path.startsWith("query/") ? stray.text === '{"items":[]}' : [400, 404].includes(stray.status);
    expect(refused, stray.text).toBe(true);
    expect(await states()).toEqual(before);
    // The own one is found, if only to be refused for what it is.
    const twin = await send(contract, replaced(sibling, path, ours));
    expect(bytes(twin)).not.toBe(bytes(stray));
    before = await states();
  });
});

describe("a request like those succeeds", () => {
  test.each(every())("on the own: %s, showing and changing nothing of the other tenant", async (_, operation) => {
    const { contract } = operation;
    const answer = await send<{ items?: unknown[] } | undefined>(contract, requestsOf(operation).mine);
    expect(answer.status).toBe(contract.success.status);
    const seen = answer.text + JSON.stringify([...answer.headers]);
    const tried = caseOf(operation).recalls === true ? [...prepared.values()].flatMap(({ other }) => idsOf(other)) : [];
    const ids = (before[1] ?? []).map(({ id }) => id).filter((id) => !id.startsWith("cnt_") && !tried.includes(id));
    expect([foreign.id, foreign.name, ...ids].filter((text) => seen.includes(text))).toEqual([]);
    // A list shows the own ones.
    expect(answer.body?.items).not.toEqual([]);
    expect(await state(foreign.id)).toEqual(before[1]);
  });

  test.each(every())("on the other tenant, by its own people: %s", async (_, operation) => {
    const { status } = await send(operation.contract, requestsOf(operation).other);
    expect(status).toBe(operation.contract.success.status);
  });
});

describe("a credential opens its own tenant only:", () => {
  test.each(every((operation) => namesIn(operation).some(isToken)))("one-time tokens of %s", async (_, operation) => {
    const { contract } = operation;
    const [mine, other] = await Promise.all([requestOn(own, operation), requestOn(foreign, operation)]);
    const { token } = mine.body as { token: string };
    const garbage = await send(contract, { ...mine, body: { token: "garbage" } });
    expect(garbage.status).toBe(401);
    for (const text of mixed(token, (other.body as { token: string }).token))
      expect(bytes(await send(contract, { ...mine, body: { token: text } }))).toBe(bytes(garbage));
    expect((await send(contract, mine)).status).toBe(contract.success.status);
  });

  test.each(every(({ contract }) => contract.permission.startsWith("guest:")))(
    "guest sessions of %s",
    async (_, operation) => {
      const { contract } = operation;
      const mine = await requestOn(own, operation);
      const swapped = mine.token?.replace(own.id, foreign.id);
      expect(swapped).not.toBe(mine.token);
      expect((await send(contract, { ...mine, token: swapped })).status).toBe(401);
      expect((await send(contract, mine)).status).toBe(contract.success.status);
    },
  );

  test.each(every((operation) => callerFor(operation) === "owner"))("claims, for %s", async (_, operation) => {
    const { contract } = operation;
    const other = await requestOn(foreign, operation);
    // The same person, signed in to a tenant whose member they are not.
    const token = await signIn(inject("stack"), own.people.owner.email, foreign.id);
    const answer = await send<{ code: string }>(contract, { ...other, token });
    expect([answer.status, answer.body.code]).toEqual([403, "forbidden"]);
    const nobody = await send<{ code: string }>(contract, {
      ...other,
      token: await signIn(inject("stack"), newEmail(), `tnt_${ulid()}`),
    });
    expect(bytes(nobody)).toBe(bytes(answer));
    expect((await send(contract, other)).status).toBe(contract.success.status);
  });

  test("a guest's session ends with its link, not with another's", async () => {
    const [mine, other] = await Promise.all([newOpenSurvey(own), newOpenSurvey(foreign)]);
    const link = `https://guest.example.com/s#${mine.linkToken}`;
    await expectApi(`POST /v1/surveys/${other.surveyId}/transitions`, 200, {
      token: foreign.people.owner.token,
      body: { to: "cancelled" },
    });
    await expectApi("GET /v1/guest/survey", 410, { token: other.guest });
    await expectApi("GET /v1/guest/survey", 200, { token: await openSession(link) });
  });
});

describe("a grant opens its own blob only:", () => {
  interface Uploading {
    readonly id: string;
    readonly upload: { readonly url: string };
  }
  const starting = { questionId: "room", size: 1, contentType: "video/mp4" };
  const start = async (side: Side) => {
    const survey = await newOpenSurvey(side);
    const { body } = await expectApi<Uploading>("POST /v1/guest/videos", 201, { token: survey.guest, body: starting });
    return { guest: survey.guest, url: new URL(body.upload.url) };
  };
  const at = (url: URL, { pathname, search }: { pathname?: string; search?: string }) =>
    Object.assign(new URL(url), { pathname: pathname ?? url.pathname, search: `${url.search}${search ?? ""}` }).href;

  test("an upload's", async () => {
    const [mine, sibling, theirs] = await Promise.all([start(own), start(own), start(foreign)]);
    for (const { url } of [sibling, theirs]) expect(await sendByte(at(mine.url, { pathname: url.pathname }))).toBe(403);
    expect(await sendByte(mine.url.href)).toBe(201);
    expect(await sendByte(theirs.url.href)).toBe(201);
    const container = mine.url.pathname.split("/").slice(0, 3).join("/");
    const attempts: [string, RequestInit][] = [
      [mine.url.href, {}],
      [mine.url.href, { method: "DELETE" }],
      [at(mine.url, { pathname: theirs.url.pathname }), {}],
      [at(mine.url, { pathname: container, search: "&restype=container&comp=list" }), {}],
      [at(mine.url, { pathname: "/", search: "&comp=list" }), {}],
    ];
    for (const [url, init] of attempts) {
      const { status } = await fetch(url, init);
      expect([400, 403]).toContain(status);
    }
  });

  test("a player's", async () => {
    const [mine, theirs] = await Promise.all([played(own), played(foreign)]);
    for (const url of mine) {
      for (const other of theirs) expect((await fetch(at(url, { pathname: other.pathname }))).status).toBe(403);
      expect((await fetch(url, { method: "DELETE" })).status).toBe(403);
      expect(await sendByte(url.href)).toBe(403);
      // The file is not there, which only who may read it is told.
      expect((await fetch(url)).status).toBe(404);
    }
  });

  async function played(side: Side): Promise<readonly URL[]> {
    const { surveyId, videoId } = await newReadyVideo(side);
    const { body } = await expectApi<Record<"video" | "poster" | "storyboard", { url: string }>>(
      `POST /v1/surveys/${surveyId}/videos/${videoId}/playback`,
      200,
      { token: side.people.owner.token },
    );
    return [body.video, body.poster, body.storyboard].map(({ url }) => new URL(url));
  }
});
