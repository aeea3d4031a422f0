import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Operation, brokenPromises, send } from "../support/contracts.ts";
import { type Page, filters, lists } from "./lists.ts";
import { type Side, newAccessRequest, newDraft, newDraftSurvey, newSide } from "./side.ts";

let own: Side;
let foreign: Side;
beforeAll(async () => {
  [own, foreign] = await Promise.all([filled(), filled()]);
});
afterAll(async () => {
  expect(await brokenPromises()).toEqual([]);
});

/** A tenant with at least five of everything that is listed. */
async function filled(): Promise<Side> {
  const side = await newSide();
  for (let at = 0; at < 5; at++) {
    await newAccessRequest(side, await newDraftSurvey(side));
    await newDraft(side.people.owner.token, side.questionId);
  }
  return side;
}

async function page({ contract }: Operation, side: Side, query: Record<string, string>) {
  return await send<Page>(contract, { token: side.people.owner.token, query });
}

async function cursorOf(operation: Operation, side: Side, filter: Record<string, string> = {}): Promise<string> {
  const { body } = await page(operation, side, { ...filter, limit: "1" });
  return body.nextCursor ?? "";
}

async function walk(operation: Operation, filter: Record<string, string>, limit: number): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const { status, body } = await page(operation, own, {
      ...filter,
      limit: String(limit),
      ...(cursor !== undefined && { cursor }),
    });
    expect(status).toBe(200);
    expect(body.items.length).toBeLessThanOrEqual(limit);
    ids.push(...body.items.map(({ id }) => id));
    cursor = body.nextCursor;
  } while (cursor !== undefined);
  return ids;
}

test("every list has its filters here", () => {
  expect(Object.keys(filters).sort()).toEqual(lists.map(([name]) => name).sort());
});

describe.each(lists)("%s", (name, operation) => {
  const filtersOf = (side: Side) => filters[name]?.(side) ?? [];
  const refused = async (query: Record<string, string>) => {
    const { status, body } = await page(operation, own, query);
    return [status, body.code];
  };

  test("gives on small pages what it gives on one", async () => {
    for (const filter of filtersOf(own)) {
      const whole = await page(operation, own, { ...filter, limit: "100" });
      const ids = whole.body.items.map(({ id }) => id);
      expect(whole.body.nextCursor).toBeUndefined();
      expect(ids.length).toBeGreaterThanOrEqual(5);
      expect(new Set(ids).size).toBe(ids.length);
      expect(await walk(operation, filter, 1)).toEqual(ids);
      expect(await walk(operation, filter, 2)).toEqual(ids);
    }
  });

  test("goes on from its own cursors only: not another tenant's, list's or filter's", async () => {
    const mine = await cursorOf(operation, own);
    expect(await refused({ cursor: await cursorOf(operation, foreign) })).toEqual([400, "invalid_cursor"]);
    for (const [, other] of lists.filter(([another]) => another !== name))
      expect(await refused({ cursor: await cursorOf(other, own) })).toEqual([400, "invalid_cursor"]);
    const all = filtersOf(own);
    for (const filter of all) {
      const cursor = await cursorOf(operation, own, filter);
      for (const another of all.filter((each) => each !== filter))
        expect([filter, another, ...(await refused({ ...another, cursor }))]).toEqual([
          filter,
          another,
          400,
          "invalid_cursor",
        ]);
      expect((await page(operation, own, { ...filter, cursor })).status).toBe(200);
    }
    expect((await page(operation, own, { cursor: mine })).status).toBe(200);
  });

  test("refuses a cursor with a changed byte", async () => {
    const cursor = await cursorOf(operation, own);
    const bytes = Buffer.from(cursor, "base64url");
    for (let at = 0; at < bytes.length; at += at < 34 || at > bytes.length - 18 ? 2 : 5) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
      expect([at, ...(await refused({ cursor: changed.toString("base64url") }))]).toEqual([at, 400, "invalid_cursor"]);
    }
    for (const spelling of [cursor.slice(0, -1), `${cursor}A`, `${cursor}=`, ` ${cursor}`, "x", "0"])
      expect([spelling, ...(await refused({ cursor: spelling }))]).toEqual([spelling, 400, "invalid_cursor"]);
    expect(await refused({ cursor: "" })).toEqual([400, "invalid_request"]);
    expect((await page(operation, own, { cursor })).status).toBe(200);
  });
});
