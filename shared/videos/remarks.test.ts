import { describe, expect, test } from "vitest";
import type { Gates } from "../templates/gates.ts";
import { type GateName, asHints, asksForRetake, gateNames, hintOf, remarksOn, requestOf } from "./remarks.ts";

const lasting = (totalMs: number) => ({ totalMs, longest: [] });
/** Ten seconds, of which so many are as the gate's name says. */
const recorded = (seconds: Partial<Record<GateName, number>> = {}) => ({
  durationMs: 10_000,
  analysis: {
    black: lasting((seconds.black ?? 0) * 1000),
    silent: lasting((seconds.silent ?? 0) * 1000),
    frozen: lasting((seconds.frozen ?? 0) * 1000),
  },
});

describe("the gates of a question", () => {
  test("find nothing wanting in what is seen and heard for more than half of its time", () => {
    expect(remarksOn(recorded({ black: 4.9, silent: 4.9, frozen: 4.9 }))).toEqual([]);
  });

  test.for(["black", "silent", "frozen"] as const)(
    "give a hint of what is %s for half of its time, by default",
    (gate) => {
      expect(remarksOn(recorded({ [gate]: 5 }))).toEqual([{ gate, asks: "hint" }]);
      expect(remarksOn(recorded({ [gate]: 5 }), { [gate]: { action: "off" } })).toEqual([]);
      const gates: Gates = { [gate]: { action: "retake", share: 0.2 } };
      expect(remarksOn(recorded({ [gate]: 2 }), gates)).toEqual([{ gate, asks: "retake" }]);
      expect(remarksOn(recorded({ [gate]: 1.9 }), gates)).toEqual([]);
      expect(remarksOn(recorded({ [gate]: 10 }), { [gate]: { action: "retake", share: 1 } })).toHaveLength(1);
    },
  );

  test("call nothing short unless the question says what is", () => {
    expect(remarksOn({ ...recorded(), durationMs: 600 })).toEqual([]);
    const gates: Gates = { short: { action: "retake", seconds: 11 } };
    expect(remarksOn(recorded(), gates)).toEqual([{ gate: "short", asks: "retake" }]);
    expect(remarksOn({ ...recorded(), durationMs: 11_000 }, gates)).toEqual([]);
  });

  test("do not say of a black picture that it stands still as well", () => {
    const gates: Gates = { frozen: { action: "retake" } };
    expect(remarksOn(recorded({ black: 6, frozen: 6 }), gates)).toEqual([{ gate: "black", asks: "hint" }]);
  });
});

test("a guest is asked for what calls for a retake, and for nothing else", () => {
  const remarks = [
    { gate: "silent", asks: "hint" },
    { gate: "black", asks: "retake" },
  ] as const;
  expect(asksForRetake(remarks)).toBe(true);
  expect(requestOf(remarks)).toContain("dark");
  expect(requestOf(remarks)).not.toContain("hear");
  expect([asksForRetake(asHints(remarks)), requestOf(asHints(remarks)), requestOf(undefined)]).toEqual([
    false,
    undefined,
    undefined,
  ]);
});

test("a member is told how much of the time it is so", () => {
  const hints = gateNames.map((gate) => hintOf(gate, recorded({ black: 9.2, silent: 5, frozen: 7 })));
  expect(hints).toEqual([
    "It lasts 10.0 seconds only.",
    "The picture is black for 92 % of the time.",
    "There is nothing to hear for 50 % of the time.",
    "The picture stands still for 70 % of the time.",
  ]);
});
