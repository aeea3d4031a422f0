import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type LogEntry, entryHash, entryId, genesis } from "./logEntry.ts";

const entry = {
  seq: 12,
  requestId: "r",
  prevHash: genesis,
  occurredAt: "2026-03-01T00:00:00.000Z",
  month: "2026-03",
  id: "evt_000000000012",
  target: "svy_1",
  action: "createSurvey",
  actor: { type: "member", id: "mbr_1" },
  data: { b: 'x "y"', B: 1.5, a: null, done: true },
} as const satisfies Omit<LogEntry, "hash">;

describe("an entry's hash", () => {
  it("is that of its JSON without spaces, with its members in alphabetical order at every level", () => {
    const text =
      '{"action":"createSurvey","actor":{"id":"mbr_1","type":"member"},' +
      '"data":{"B":1.5,"a":null,"b":"x \\"y\\"","done":true},"id":"evt_000000000012","month":"2026-03",' +
      `"occurredAt":"2026-03-01T00:00:00.000Z","prevHash":"${genesis}","requestId":"r","seq":12,"target":"svy_1"}`;
    expect(entryHash(entry)).toBe(createHash("sha256").update(text).digest("hex"));
  });

  it("takes lists in the order they have", () => {
    const text = '{"data":{"list":[2,1,{"a":1,"b":[]}]},"seq":1}';
    const listed = { seq: 1, data: { list: [2, 1, { b: [], a: 1 }] } } as unknown as LogEntry;
    expect(entryHash(listed)).toBe(createHash("sha256").update(text).digest("hex"));
  });

  it("does not depend on how the entry was put together, and on everything in it", () => {
    const turned = Object.fromEntries(Object.entries(entry).reverse()) as unknown as LogEntry;
    expect(entryHash(turned)).toBe(entryHash(entry));
    for (const name of Object.keys(entry)) {
      const changed = { ...entry, [name]: "changed" } as unknown as LogEntry;
      expect(entryHash(changed), name).not.toBe(entryHash(entry));
    }
  });
});

it("has an id that sorts as its number does", () => {
  expect([1, 42, 999_999_999_999].map(entryId)).toEqual(["evt_000000000001", "evt_000000000042", "evt_999999999999"]);
  expect(genesis).toMatch(/^0{64}$/u);
});
