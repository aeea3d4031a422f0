import { describe, expect, it } from "vitest";
import { type LogEntry, entryHash, entryId, genesis } from "../tenancy/logEntry.ts";
import type { Evidence } from "./evidence.ts";
import { newManifest, newSigner, signed } from "./evidenceForTests.ts";
import { type Manifest, chainCustody, manifestHash } from "./manifest.ts";
import { compareWithLog, verifyEvidence } from "./verifyEvidence.ts";

const signer = newSigner();
const evidence = signed(newManifest(), signer);
const fieldsOf = (value: unknown) => verifyEvidence(value).findings.map(({ field }) => field);

/** Every place in a JSON value that is neither object nor list, as the names and numbers that lead to it. */
function leaves(value: unknown, path: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  if (value === null || typeof value !== "object") return [path];
  if (Array.isArray(value)) return value.flatMap((each: unknown, at) => leaves(each, [...path, at]));
  return Object.entries(value).flatMap(([name, each]) => leaves(each, [...path, name]));
}

/** The value with another one at the place; undefined removes it. */
function withAt(value: unknown, path: readonly (string | number)[], change: (old: unknown) => unknown): unknown {
  const [first, ...rest] = path;
  if (first === undefined) return change(value);
  if (Array.isArray(value)) return value.map((each: unknown, at) => (at === first ? withAt(each, rest, change) : each));
  return Object.fromEntries(
    Object.entries(value as object).map(([name, each]) => [name, name === first ? withAt(each, rest, change) : each]),
  );
}

/** Another value of the same kind: one that a forger could have wished for. */
function other(value: unknown): unknown {
  if (typeof value === "boolean") return !value;
  if (typeof value === "number") return value + 1;
  const text = String(value);
  // Of digits and letters, behind a prefix and before what could be padding.
  const at = Math.floor(text.length / 2);
  return text.slice(0, at) + (text[at] === "2" ? "3" : "2") + text.slice(at + 1);
}

describe("evidence as it was signed", () => {
  it("has nothing wrong, however it is spaced and ordered, and with what is optional left out", () => {
    expect(fieldsOf(evidence)).toEqual([]);
    expect(fieldsOf(JSON.parse(JSON.stringify(evidence, null, 2)))).toEqual([]);
    expect(fieldsOf(Object.fromEntries(Object.entries(evidence).toReversed()))).toEqual([]);
    const { consent: _consent, declared, received, ...manifest } = newManifest();
    const bare: Manifest = {
      ...manifest,
      declared: { size: declared.size, contentType: declared.contentType },
      received: { size: received.size, etag: received.etag, blockCount: 5_000 },
    };
    expect(fieldsOf(signed(bare, signer))).toEqual([]);
    const atOnce = { ...manifest, declared, received: { ...received, blockCount: 0, blocks: [] } };
    expect(fieldsOf(signed(atOnce, signer))).toEqual([]);
  });

  it("shows a change of any single field, a removed one, and one more", () => {
    const places = leaves(evidence);
    expect(places.length).toBeGreaterThan(70);
    for (const path of places) expect(fieldsOf(withAt(evidence, path, other)), path.join("/")).not.toEqual([]);
    for (const path of places) {
      const removed = withAt(evidence, path.slice(0, -1), (whole) => without(whole, path.at(-1)));
      expect(fieldsOf(removed), path.join("/")).not.toEqual([]);
    }
    for (const path of [[], ["manifest"], ["manifest", "declared"], ["manifest", "custody", 0, "by"], ["key"]])
      expect(fieldsOf(withAt(evidence, path, (whole) => ({ ...(whole as object), more: 1 })))).toEqual([
        ["", ...path, "more"].join("/"),
      ]);
  });

  it("shows a change of any byte of the signature, and another way to write it", () => {
    const bytes = Buffer.from(evidence.signature, "base64url");
    expect(bytes).toHaveLength(256);
    for (const at of bytes.keys()) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
      expect(fieldsOf({ ...evidence, signature: changed.toString("base64url") })).toEqual(["/signature"]);
    }
    const last = evidence.signature.at(-1) ?? "";
    const same = evidence.signature.slice(0, -1) + String.fromCharCode(last.charCodeAt(0) + 1);
    expect(Buffer.from(same, "base64url")).toEqual(bytes);
    for (const signature of [same, evidence.signature.slice(0, -4), "A"])
      expect(fieldsOf({ ...evidence, signature })).toEqual(["/signature"]);
  });

  it("is nobody else's: not of another key, another manifest, another use of a key, or a small key", () => {
    const [stranger, log, small] = [newSigner(), newSigner("log-seal"), newSigner(undefined, 1024)];
    const another = signed(newManifest(), signer);
    expect(fieldsOf({ ...evidence, key: stranger.key })).toEqual(["/signature"]);
    expect(fieldsOf({ ...evidence, manifest: another.manifest })).toEqual(["/signature"]);
    expect(fieldsOf({ ...evidence, signature: another.signature })).toEqual(["/signature"]);
    expect(fieldsOf(signed(newManifest(), log))).toEqual(["/kid"]);
    expect(fieldsOf(signed(newManifest(), small))).toEqual(["/key/n"]);
    const renamed = { ...evidence.key, kid: `evidence-seal/${"2".repeat(32)}` };
    expect(fieldsOf({ ...evidence, key: renamed })).toEqual(["/key/kid"]);
    expect(fieldsOf({ ...evidence, kid: renamed.kid, key: renamed })).toEqual(["/signature"]);
    for (const n of ["AAEC", `AA${evidence.key.n}`, "-"])
      expect(fieldsOf({ ...evidence, key: { ...evidence.key, n } })[0]).toMatch(/^\/key/u);
  });

  it("is of a version that is known", () => {
    for (const v of [0, 2]) {
      const { findings } = verifyEvidence({ ...evidence, manifest: { ...evidence.manifest, v } });
      expect(findings).toEqual([{ field: "/manifest/v", message: expect.stringContaining(`version ${v}`) as string }]);
    }
    for (const value of [undefined, null, 1, "text", [], {}, { manifest: null }, { ...evidence, manifest: {} }])
      expect(verifyEvidence(value)).toMatchObject({ findings: [{}] });
  });
});

it("does not contradict itself, whoever signed it", () => {
  const changed = (change: (manifest: Manifest) => Partial<Manifest>) => {
    const manifest = newManifest();
    return fieldsOf(signed({ ...manifest, ...change(manifest) }, signer));
  };
  expect(changed(({ declared }) => ({ declared: { ...declared, size: 1 } }))).toEqual(["/manifest/received/size"]);
  expect(changed(({ original }) => ({ original: { ...original, size: 1 } }))).toEqual(["/manifest/original/size"]);
  expect(changed(({ original }) => ({ original: { ...original, sha256: "f".repeat(64) } }))).toEqual([
    "/manifest/original/sha256",
  ]);
  expect(changed(({ received }) => ({ received: { ...received, blockCount: 1 } }))).toEqual([
    "/manifest/received/blockCount",
  ]);
  expect(
    changed(({ received: { blocks = [], ...rest } }) => ({
      received: { ...rest, blocks: blocks.map(({ id }) => ({ id, size: 1 })) },
    })),
  ).toEqual(["/manifest/received/blocks"]);
  expect(changed(({ custody }) => ({ custody: custody.toSpliced(1, 1) }))).toEqual(["/manifest/custody/1/previous"]);
  expect(changed(({ custody }) => ({ custody: custody.slice(0, -1) }))).toEqual(["/manifest/custody"]);
});

describe("a log", () => {
  const base = newManifest();
  const { tenantId, surveyId, videoId, custody } = base;
  const told = custody.filter(({ log }) => log !== undefined);
  const entries = told.map(({ what, at, by }, place) => {
    const isEvent = what.startsWith("video.");
    return hashed(7 + place, {
      occurredAt: at,
      ...(isEvent && { type: what as "video.ready" }),
      data: isEvent ? { surveyId, videoId } : {},
      action: isEvent ? "any" : what,
      actor: by,
      target: videoId,
    });
  });
  let next = 0;
  const links = custody.map(({ previous: _previous, ...link }) =>
    link.log === undefined ? link : { ...link, log: refTo(entries[next++]) },
  );
  const manifest: Manifest = { ...base, tenantId, custody: chainCustody(links) };
  const own = signed(manifest, signer);
  const sealedEntry = event(10, "video.sealed", { surveyId, videoId, manifestHash: manifestHash(manifest) });
  const fields = (log: readonly LogEntry[], of: Evidence = own) =>
    compareWithLog(of, log).findings.map(({ field }) => field);

  it("tells the same of each entry that the custody names, and names the manifest", () => {
    expect(fields([...entries, sealedEntry])).toEqual([]);
    expect(fields(entries)).toEqual(["/manifest"]);
    expect(
      fields([...entries, event(10, "video.sealed", { surveyId, videoId, manifestHash: "0".repeat(64) })]),
    ).toEqual(["/manifest"]);
    expect(fields([...entries.slice(1), sealedEntry])).toEqual(["/manifest/custody/0/log"]);
    for (const change of [
      { target: "vid_other" },
      { occurredAt: "2020-01-01T00:00:00.000Z" },
      { action: "cancelUpload" },
      { actor: { type: "guest", id: "lnk_other" } },
    ] as const) {
      const [first, ...rest] = entries as [LogEntry, ...LogEntry[]];
      // The entry as a forger would write it, with its own hash, and with the old one.
      expect(fields([{ ...first, ...change }, ...rest, sealedEntry])).toEqual(["/manifest/custody/0/log"]);
      expect(fields([hashed(first.seq, { ...first, ...change }), ...rest, sealedEntry])).toEqual([
        "/manifest/custody/0/log",
      ]);
    }
  });

  it("tells which videos of the survey were sealed and not deleted since", () => {
    const more = [
      event(11, "video.sealed", { surveyId, videoId: "vid_gone" }),
      event(12, "video.deleted", { surveyId, videoId: "vid_gone" }),
      event(13, "video.sealed", { surveyId, videoId: "vid_there" }),
      event(14, "video.sealed", { surveyId: "svy_other", videoId: "vid_elsewhere" }),
    ];
    expect(compareWithLog(own, [...entries, sealedEntry, ...more]).sealedVideos).toEqual([videoId, "vid_there"]);
  });
});

function hashed(seq: number, of: Omit<LogEntry, "id" | "seq" | "month" | "requestId" | "prevHash" | "hash">): LogEntry {
  const { occurredAt, type, data, action, actor, target } = of;
  const entry = {
    id: entryId(seq),
    seq,
    month: "2026-11",
    occurredAt,
    ...(type !== undefined && { type }),
    data,
    action,
    actor,
    requestId: "request",
    target,
    prevHash: genesis,
  };
  return { ...entry, hash: entryHash(entry) };
}

function event(seq: number, type: "video.sealed" | "video.deleted", data: LogEntry["data"]): LogEntry {
  const actor = { type: "system", id: "test" } as const;
  const target = String(data["videoId"]);
  return hashed(seq, { occurredAt: "2026-11-25T11:00:00.000Z", type, data, action: "test", actor, target });
}

function refTo(entry: LogEntry | undefined): { sequence: number; hash: string } {
  return { sequence: entry?.seq ?? 0, hash: entry?.hash ?? "" };
}

function without(whole: unknown, name: string | number | undefined): unknown {
  if (Array.isArray(whole)) return whole.filter((_each, at) => at !== name);
  return Object.fromEntries(Object.entries(whole as object).filter(([each]) => each !== name));
}
