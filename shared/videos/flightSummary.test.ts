import { expect, test } from "vitest";
import { type FlightFacts, flightSummary } from "./flightSummary.ts";

const nothing: FlightFacts = { state: "ready", size: 10_000_000, renewals: [] };
const summary = (facts: Partial<FlightFacts>) => flightSummary({ ...nothing, ...facts });
const seen = (...receivedBytes: number[]) =>
  receivedBytes.map((bytes) => ({ at: "2026-11-25T12:00:00.000Z", receivedBytes: bytes }));

test("everything that is known, in the order in which it happened", () => {
  const facts = {
    device: { client: "chrome", clientVersion: "131", system: "android", kind: "phone" },
    codecs: ["vp9", "opus"],
    durationMs: 250_000,
    bytesPerSecond: 1_234_567,
    renewals: seen(1_000_000, 6_399_999),
    journal: { retries: 3, resumes: 2, gaps: 2, gapMs: 125_000, waitedMs: 11_100_000 },
  } as const;
  expect(summary(facts)).toEqual([
    "Recorded with Chrome on Android.",
    "The recorder calls it VP9 and Opus.",
    "It waited 3 h 5 min on the device before the upload began.",
    "The upload was interrupted twice and took 4 min 10 s.",
    "For 2 min 5 s nothing got through.",
    "3 requests had to be sent again.",
    "The device asked twice what had arrived, and went on from there.",
    "We saw it go on twice, the last time with 63 % there.",
    "It came at 1.2 MB a second on average.",
  ]);
});

test("a file that the camera made was only sent with a browser", () => {
  expect(summary({ device: { client: "safari", system: "ios" } })[0]).toBe("Sent with Safari on iOS.");
  expect(summary({ device: { client: "app", system: "ios" } })[0]).toBe("Recorded with an app on iOS.");
  expect(summary({ device: { system: "ipados" } })[0]).toBe("Sent on iPadOS.");
  expect(summary({ device: { kind: "phone" } })[0]).toBe("Sent on a phone.");
});

test.each([
  [{}, "The upload has not arrived yet."],
  [{ state: "upload_expired" }, "The upload never arrived, and its time is over."],
  [{ state: "upload_cancelled" }, "The upload was given up."],
  [{ durationMs: 400 }, "The upload took less than a second."],
  [{ durationMs: 59_600 }, "The upload took 1 min."],
  [{ durationMs: 2 * 86_400_000 + 3_600_000 + 61_000 }, "The upload took 2 d 1 h."],
  [{ durationMs: 5_000, journal: { gaps: 0 } }, "The upload took 5 s, without interruption."],
  [{ durationMs: 5_000, journal: { gaps: 1 } }, "The upload was interrupted once and took 5 s."],
  [{ durationMs: 5_000, journal: { gaps: 3 } }, "The upload was interrupted 3 times and took 5 s."],
] as const)("of %j it says: %s", (facts, sentence) => {
  expect(summary(facts)).toEqual([sentence]);
});

test("small numbers read as numbers do", () => {
  const last = (facts: Partial<FlightFacts>) => summary({ durationMs: 1_000, ...facts }).at(-1);
  expect(last({ bytesPerSecond: 1 })).toBe("It came at 1 kB a second on average.");
  expect(last({ bytesPerSecond: 99_001 })).toBe("It came at 100 kB a second on average.");
  expect(last({ journal: { retries: 1 } })).toBe("One request had to be sent again.");
  expect(last({ journal: { gaps: 1, gapMs: 999 } })).toBe("The upload was interrupted once and took 1 s.");
  expect(last({ renewals: seen(0) })).toBe("We saw it go on once, the last time with 0 % there.");
  expect(last({ renewals: seen(...Array.from({ length: 50 }, () => 20_000_000)) })).toBe(
    "We saw it go on at least 50 times, the last time with 100 % there.",
  );
});
