import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type RingDocument, activeKey, emptyRing, newKey, nextActivation, parseRing } from "./ringDocument.ts";

const day = 86_400_000;
const start = Date.parse("2026-01-01T00:00:00.000Z");
const onDay = (days: number) => new Date(start + days * day);

/** The ring after its timer ran on these days. */
function ringAfter(days: readonly number[]): RingDocument {
  return days.reduce<RingDocument>((ring, today, index) => {
    const activatesAt = nextActivation(ring, onDay(today));
    const material = { id: index.toString(16).padStart(32, "0"), wrapped: "AAAA", wrappedBy: "0".repeat(32) };
    return activatesAt === undefined
      ? ring
      : { ...ring, keys: [...ring.keys, newKey(material, onDay(today), activatesAt)] };
  }, emptyRing);
}

const createdOn = (ring: RingDocument, today: number) => activeKey(ring, onDay(today))?.createdAt;

test("the very first key protects at once and for 90 days", () => {
  const ring = ringAfter([0]);
  expect(createdOn(ring, 0)).toBe(onDay(0).toISOString());
  expect(createdOn(ring, 89.99)).toBe(onDay(0).toISOString());
  expect(createdOn(ring, 90)).toBeUndefined();
});

test("a first key made by an instance whose clock is ahead is no reason to make another", () => {
  const ring = ringAfter([0]);
  expect(nextActivation(ring, onDay(-4 / 1440))).toBeUndefined();
  expect(createdOn(ring, -4 / 1440)).toBe(onDay(0).toISOString());
});

test("an instance whose clock is five minutes behind uses a key that another activated at once, no instance before", () => {
  const ring = ringAfter([0]);
  expect(createdOn(ring, -5 / 1440)).toBe(onDay(0).toISOString());
  expect(activeKey(ring, new Date(start - 5 * 60_000 - 1))).toBeUndefined();
});

test("of two active keys the one activated last protects, in whatever order they are listed", () => {
  const ring = ringAfter([0, 84]);
  const reversed = { ...ring, keys: ring.keys.toReversed() };
  for (const listed of [ring, reversed]) {
    expect(createdOn(listed, 85)).toBe(onDay(0).toISOString());
    expect(createdOn(listed, 87)).toBe(onDay(84).toISOString());
  }
});

test("a key wrapped by fewer bits than asked for is due to be followed; one of as many is not", () => {
  const ring = ringAfter([0]);
  const wrapped = Buffer.alloc(256).toString("base64");
  const of2048 = { ...ring, keys: ring.keys.map((key) => ({ ...key, wrapped })) };
  expect(nextActivation(of2048, onDay(1), 2048)).toBeUndefined();
  expect(nextActivation(of2048, onDay(1), 2049)).toEqual(onDay(3));
});

test("no key is added before the last week of the one that protects", () => {
  expect(ringAfter([0, 1, 40, 82.9]).keys).toHaveLength(1);
  expect(ringAfter([0, 83]).keys).toHaveLength(2);
});

test("the next key protects two days after it was added, once only", () => {
  const ring = ringAfter([0, 88, 88, 89]);
  expect(ring.keys).toHaveLength(2);
  expect(createdOn(ring, 89.99)).toBe(onDay(0).toISOString());
  expect(createdOn(ring, 90)).toBe(onDay(88).toISOString());
  expect(createdOn(ring, 91)).toBe(onDay(88).toISOString());
});

test("a key that was added late takes over the moment its predecessor expires", () => {
  expect(createdOn(ringAfter([0, 89.5]), 90)).toBe(onDay(89.5).toISOString());
});

test("a revoked key is replaced at once, though another is about to become active", () => {
  const [first, second] = ringAfter([0, 84]).keys;
  if (first === undefined || second === undefined) throw new Error("Two keys were expected.");
  const ring: RingDocument = { schemaVersion: 1, keys: [{ ...first, revokedAt: onDay(85).toISOString() }, second] };
  expect(activeKey(ring, onDay(85))).toBeUndefined();
  expect(nextActivation(ring, onDay(85))).toEqual(onDay(85));
});

test("a timer that runs once in five days never leaves a moment without an active key", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0.01, max: 5, noNaN: true }), { minLength: 40, maxLength: 80 }), (pauses) => {
      let today = 0;
      const runs = [0, ...pauses.map((pause) => (today += pause))];
      const ring = ringAfter(runs);
      for (let moment = 0; moment <= today; moment += 0.5) if (createdOn(ring, moment) === undefined) return false;
      return true;
    }),
    { numRuns: 50 },
  );
});

const whole = { ...ringAfter([0]).keys[0], revokedAt: onDay(1).toISOString() };

test("what was written is a ring", () => {
  for (const ring of [emptyRing, ringAfter([0, 84]), { schemaVersion: 1, keys: [whole] }])
    expect(parseRing(JSON.parse(JSON.stringify(ring)))).toEqual(ring);
});

test.each([
  ["nothing", undefined],
  ["no version", { keys: [] }],
  ["a later version", { schemaVersion: 2, keys: [] }],
  ["a version without keys", { schemaVersion: 1 }],
  ["a key that is none", { schemaVersion: 1, keys: [{}] }],
])("%s is no ring", (_case, document) => {
  expect(() => parseRing(document)).toThrow("malformed");
});

test.each([
  ["id", "0".repeat(31)],
  ["createdAt", "2026-01-01"],
  ["activatesAt", "tomorrow"],
  ["expiresAt", ""],
  ["expiresAt", undefined],
  ["revokedAt", "2026-01-01T00:00:00Z"],
  ["wrapped", "not base64"],
  ["wrapped", "A".repeat(1025)],
  ["wrappedBy", "../../secrets/x"],
])("a key whose %s is %j is no key of a ring", (field, value) => {
  expect(() => parseRing({ schemaVersion: 1, keys: [{ ...whole, [field]: value }] })).toThrow("malformed");
});
