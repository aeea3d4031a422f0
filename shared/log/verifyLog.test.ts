import { type KeyObject, constants, generateKeyPairSync, sign } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PublicKey } from "../protection/signature.ts";
import { newTenantId } from "../tenancy/databaseForTests.ts";
import { type LogEntry, entryHash, entryId } from "../tenancy/logEntry.ts";
import { type Seal, type Statement, sealOf, signedBytes } from "./seal.ts";
import { chainStart, verifyLog } from "./verifyLog.ts";

const tenantId = newTenantId();
const at = "2026-11-25T01:30:00.000Z";

interface Signer {
  readonly key: PublicKey;
  readonly privateKey: KeyObject;
}

function newSigner(digit: string, name = "log-seal"): Signer {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const { n = "", e = "" } = publicKey.export({ format: "jwk" });
  const kid = `${name}/${digit.repeat(32)}`;
  return { privateKey, key: { kty: "RSA", alg: "PS256", use: "sig", kid, n, e } };
}

const [signer, stranger, otherUse] = [newSigner("1"), newSigner("2"), newSigner("3", "evidence")];

function sealed(statement: Statement, { key, privateKey }: Signer = signer): Seal {
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  const value = sign("sha256", signedBytes(statement), { key: privateKey, ...pss }).toString("base64url");
  return sealOf(statement, { kid: key.kid, value });
}

function statementOf(kind: Statement["kind"], { month, seq, hash }: LogEntry, of = tenantId): Statement {
  return { v: 1, tenantId: of, kind, month, sequence: seq, hash, at };
}

/** The entries as a log that has them all has them: numbered, chained and hashed, from the one at `from` on. */
function chained(entries: readonly LogEntry[], from = 0): LogEntry[] {
  const all = entries.slice(0, from);
  for (const { hash: _hash, ...entry } of entries.slice(from)) {
    const before = all.at(-1) ?? chainStart;
    const seq = before.seq + 1;
    const next = { ...entry, seq, id: entryId(seq), prevHash: before.hash };
    all.push({ ...next, hash: entryHash(next) });
  }
  return all;
}

function newEntry(month: string, n: number): LogEntry {
  return {
    id: "",
    seq: 0,
    month,
    occurredAt: `${month}-02T03:04:05.000Z`,
    data: { n },
    action: "createSurvey",
    actor: { type: "member", id: "mbr_1" },
    requestId: `request-${n}`,
    target: `svy_${n}`,
    prevHash: "",
    hash: "",
  };
}

const months = ["2026-09", "2026-10", "2026-11"];

/** A log over three months, each closed but the last, whose newest seal is of its last entry. */
function newLog(sizes: readonly number[]): { entries: LogEntry[]; seals: Seal[] } {
  const entries = chained(
    months.flatMap((month, place) => Array.from({ length: sizes[place] ?? 1 }, (_each, n) => newEntry(month, n))),
  );
  const lasts = months.map((month) => entries.findLast((entry) => entry.month === month)).filter((each) => !!each);
  const closing = lasts.slice(0, -1).map((entry) => sealed(statementOf("close", entry)));
  return { entries, seals: [...closing, ...lasts.map((entry) => sealed(statementOf("head", entry)))] };
}

const check = (entries: readonly LogEntry[], seals: readonly Seal[], keys: readonly PublicKey[] = [signer.key]) =>
  verifyLog({ tenantId, entries, seals, keys });

const log = newLog([3, 2, 3]);
const { entries, seals } = log;
const entryAt = (place: number): LogEntry => {
  const entry = entries[place];
  if (entry === undefined) throw new RangeError("there is no such entry");
  return entry;
};

describe("a log as it was written", () => {
  it("holds, in whatever order it comes", () => {
    const expected = { findings: [], sealed: 8, sealedAt: at, last: 8 };
    expect(check(entries, seals)).toEqual(expected);
    expect(check(entries.toReversed(), seals.toReversed())).toEqual(expected);
  });

  it("may go on behind its newest seal: that is chained, and not yet sealed", () => {
    const longer = chained([...entries, newEntry("2026-11", 9), newEntry("2026-11", 10)]);
    expect(check(longer, seals)).toEqual({ findings: [], sealed: 8, sealedAt: at, last: 10 });
  });

  it("says since when no night has sealed it, though things happened on later days", () => {
    const of = (day: string) => ({ ...newEntry("2026-11", 9), occurredAt: `2026-11-${day}.000Z` });
    const since = (...days: string[]) => check(chained([...entries, ...days.map(of)]), seals).overdueSince;
    expect(since("26T01:31:00", "28T01:31:00")).toBeUndefined();
    expect(since("26T01:31:00", "28T01:31:01")).toBe("2026-11-26T01:31:00.000Z");
  });

  it("without a seal is chained, and nothing more", () => {
    const { overdueSince, ...rest } = check(entries, []);
    expect(overdueSince).toBe(entryAt(0).occurredAt);
    expect(rest).toEqual({ findings: [], sealed: 0, last: 8 });
    expect(check([], [])).toEqual({ findings: [], sealed: 0, last: 0 });
  });
});

/** The texts of what is found. */
const found = (...args: Parameters<typeof check>) => check(...args).findings.map(({ message }) => message);

describe("what is found, by its sequence number:", () => {
  it("an entry that was removed, changed, put in twice, or put elsewhere", () => {
    expect(found(entries.toSpliced(3, 1), seals)).toContain("entry 4 is missing");
    const changed = { ...entryAt(3), target: "svy_other" };
    expect(found(entries.with(3, changed), seals)).toEqual(["entry 4 was changed"]);
    expect(found([...entries, entryAt(3)], seals)).toContain("entry 4 is there twice");
    expect(found([{ ...entryAt(0), seq: 0 }, ...entries], seals)).toContain("there is no entry 0");
    const swapped = entries
      .with(3, { ...entryAt(4), seq: 4, id: entryId(4) })
      .with(4, { ...entryAt(3), seq: 5, id: entryId(5) });
    expect(found(swapped, seals)).toEqual(expect.arrayContaining(["entry 4 was changed", "entry 5 was changed"]));
  });

  it("an end that was cut off", () => {
    expect(found(entries.slice(0, 6), seals)).toEqual(["entry 8, which was sealed, is missing"]);
  });

  it("a suffix that was computed again", () => {
    const forged = chained(entries.with(5, { ...entryAt(5), target: "svy_other" }), 5);
    expect(found(forged, seals)).toEqual(["entry 8 is not the one that was sealed"]);
  });

  it("a month that goes on behind its closing seal, and one that was never closed", () => {
    const late = { ...newEntry("2026-10", 7) };
    const forked = chained(entries.toSpliced(5, 0, late), 5);
    expect(found(forked, seals.slice(0, 4))).toContain(
      "entry 6 stands in the month 2026-10, which was closed before it",
    );
    expect(found(entries, seals.slice(1))).toEqual(["the month 2026-09 has no closing seal"]);
  });

  it("a month before that of the entry before", () => {
    const back = chained([...entries, newEntry("2026-10", 9)]);
    expect(found(back, seals)).toContain("entry 9 stands in a month before that of entry 8");
  });

  it("a seal of another tenant, of a key that is not believed, of another use, or with a wrong signature", () => {
    const last = entryAt(7);
    const withSeal = (seal: Seal, keys = [signer.key]) => found(entries, [...seals.slice(0, 2), seal], keys);
    expect(withSeal(sealed(statementOf("head", last, newTenantId())))).toContain(
      "the seal of entry 8 is another tenant's",
    );
    expect(withSeal(sealed(statementOf("head", last), stranger))).toContain(
      "the seal of entry 8 is signed with a key that is not believed",
    );
    for (const seal of [
      sealed(statementOf("head", last), otherUse),
      { ...sealed(statementOf("head", last), stranger), kid: signer.key.kid },
      { ...sealed(statementOf("head", last)), at: "2026-11-26T01:30:00.000Z" },
      { ...sealed(statementOf("head", last)), kind: "close" as const },
    ])
      expect(withSeal(seal, [signer.key, otherUse.key])).toContain("the seal of entry 8 has a wrong signature");
  });
});

describe("any one change of a sealed log", () => {
  const place = fc.nat(7);
  const field = fc.constantFrom(
    { occurredAt: "2026-09-02T03:04:06.000Z" },
    { data: {} },
    { action: "deleteSurvey" },
    { actor: { type: "member", id: "mbr_2" } } as const,
    { requestId: "request-x" },
    { source: "0".repeat(32) },
    { target: "svy_x" },
    { type: "survey.created" } as const,
    { month: "2026-12" },
    { prevHash: "1".repeat(64) },
    { hash: "1".repeat(64) },
    { id: "evt_000000000099" },
  );
  const byte = fc.nat(255);
  const mutation = fc.oneof(
    place.map((at) => ({ entries: entries.toSpliced(at, 1), seals })),
    place.map((at) => ({ entries: entries.slice(0, at), seals })),
    fc.tuple(place, field).map(([at, set]) => ({ entries: entries.with(at, { ...entryAt(at), ...set }), seals })),
    // Whoever can write the log can compute its hashes, too.
    fc.tuple(place, field).map(([at, set]) => ({
      entries: chained(entries.with(at, { ...entryAt(at), ...set, target: "svy_x" }), at),
      seals,
    })),
    place.map((at) => ({ entries: chained(entries.toSpliced(at, 0, newEntry(entryAt(at).month, 99)), at), seals })),
    place.map((at) => ({ entries: chained(entries.toSpliced(at, 1), at), seals })),
    fc
      .tuple(place, place)
      .filter(([one, other]) => one !== other)
      .map(([one, other]) => ({
        entries: chained(entries.with(one, entryAt(other)).with(other, entryAt(one))),
        seals,
      })),
    fc.tuple(fc.nat(4), byte).map(([at, index]) => {
      const seal = seals[at];
      if (seal === undefined) throw new RangeError("there is no such seal");
      const bytes = Buffer.from(seal.signature, "base64url");
      bytes.writeUInt8(bytes.readUInt8(index) ^ 1, index);
      return { entries, seals: seals.with(at, { ...seal, signature: bytes.toString("base64url") }) };
    }),
  );

  it("is found", () => {
    fc.assert(
      fc.property(mutation, (changed) => {
        expect(check(changed.entries, changed.seals).findings).not.toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it("is found in logs of any size, and none is found where there was none", () => {
    const sizes = fc.tuple(
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 4 }),
    );
    fc.assert(
      fc.property(sizes, fc.nat(), (size, number) => {
        const whole = newLog(size);
        expect(check(whole.entries, whole.seals).findings).toEqual([]);
        const removed = whole.entries.toSpliced(number % whole.entries.length, 1);
        expect(check(removed, whole.seals).findings).not.toEqual([]);
        expect(check(chained(removed), whole.seals).findings).not.toEqual([]);
      }),
      { numRuns: 20 },
    );
  });
});
