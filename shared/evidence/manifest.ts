import { createHash } from "node:crypto";
import { Type } from "@sinclair/typebox";
import { ActorId } from "../log/auditView.ts";
import { Sequence } from "../log/eventView.ts";
import { Choice, List, Locale, Sha256, type Static, Time, Whole, closed, optional } from "../schema.ts";
import { QuestionId } from "../templates/template.ts";
import { actorTypes } from "../tenancy/fact.ts";
import { Id, TenantId, prefixes } from "../tenancy/ids.ts";
import { canonicalJson } from "../web/canonicalJson.ts";
import { maxBlocks } from "../videos/blocks.ts";

const Bytes = Whole(0, Number.MAX_SAFE_INTEGER, "Bytes");
const Milliseconds = Whole(0, 2 ** 31);
const Pixels = Whole(1, 65_536);
const ETag = Type.String({
  pattern: "^[\\w-]{1,64}$",
  maxLength: 64,
  description: "Version of the blob, without quotes",
});
const Version = Type.String({ pattern: "^[\\w.+~:-]{1,80}$", maxLength: 80 });
const Commit = Type.String({ pattern: "^[0-9a-f]{7,40}$", maxLength: 40 });
const BlockId = Type.String({ pattern: "^[A-Za-z0-9+/]{1,88}={0,2}$", maxLength: 88, description: "Base64" });

const File = closed({ size: Bytes, sha256: Sha256 });
const Tool = closed(
  { version: Version, sha256: Sha256 },
  "The program's own file, without the libraries that it loads",
);

export const maxCustody = 1000;

/** One thing that was done with the recording: by whom, when, and which thing before it. */
export const CustodyEntry = closed({
  at: Time,
  what: Type.String({ pattern: "^[\\w.]{1,64}$", maxLength: 64, description: "Event, function or step of processing" }),
  by: closed({ type: Choice(actorTypes), id: ActorId }),
  log: optional(closed({ sequence: Sequence, hash: Sha256 }, "The entry of the tenant's log that says so")),
  previous: Type.String({
    ...Sha256,
    description: "SHA-256 of the entry before, as canonical JSON; zeros in the first",
  }),
});
export type CustodyEntry = Static<typeof CustodyEntry>;

/** What is known of a recording and of what was made of it. Ids, numbers and hashes: nothing that a guest said or is. */
export const Manifest = closed({
  v: Type.Literal(1),
  tenantId: TenantId,
  surveyId: Id(prefixes.survey),
  questionId: QuestionId,
  videoId: Id(prefixes.video),
  declared: closed(
    {
      size: Bytes,
      contentType: Type.String({ pattern: "^[\\w.+/-]{1,100}$", maxLength: 100 }),
      sha256: optional(Sha256),
    },
    "What the device said before it sent anything",
  ),
  received: closed(
    {
      size: Bytes,
      etag: ETag,
      blockCount: Whole(0, 50_000, "0 for a file that was sent at once"),
      blocks: optional(List(closed({ id: BlockId, size: Bytes }), maxBlocks)),
    },
    "The upload as it was when it was taken over",
  ),
  original: closed({ size: Bytes, sha256: Sha256, etag: ETag }, "The untouched file, out of the device's reach"),
  outputs: closed({ video: File, poster: File, sprite: File }, "What reviewers are shown"),
  media: closed({
    method: Choice(["remux", "transcode"]),
    durationMs: Milliseconds,
    width: Pixels,
    height: Pixels,
  }),
  limits: closed({
    maxBytes: Bytes,
    minDurationMs: Milliseconds,
    maxDurationMs: Milliseconds,
    maxPixels: Whole(1, Number.MAX_SAFE_INTEGER),
  }),
  tools: closed({ callpilot: closed({ version: Version, commit: optional(Commit) }), ffmpeg: Tool, ffprobe: Tool }),
  consent: optional(
    closed(
      {
        version: Whole(1, 1_000_000),
        accepted: Type.Boolean(),
        at: Time,
        locale: Locale,
        textSha256: optional(Type.String({ ...Sha256, description: "SHA-256 of the text's UTF-8" })),
      },
      "What the guest had last said to the tenant's text",
    ),
  ),
  times: closed({ started: Time, completed: Time, processed: Time }),
  custody: List(CustodyEntry, maxCustody, 1),
});
export type Manifest = Static<typeof Manifest>;

/** SHA-256, hex, of a manifest: what the tenant's log names it by. */
export function manifestHash(manifest: Manifest): string {
  return sha256(canonicalJson(manifest));
}

/** What stands for the entry before the first. */
const beginning = "0".repeat(64);

/** Ties each entry to the one before. */
export function chainCustody(links: readonly Omit<CustodyEntry, "previous">[]): CustodyEntry[] {
  let previous = beginning;
  return links.map((link) => {
    const entry = { ...link, previous };
    previous = sha256(canonicalJson(entry));
    return entry;
  });
}

/** Place, from 0, of the first entry that does not follow the one before; undefined where all do. */
export function custodyBreak(custody: readonly CustodyEntry[]): number | undefined {
  const chained = chainCustody(custody.map(({ previous: _previous, ...link }) => link));
  const place = custody.findIndex(({ previous }, at) => previous !== chained[at]?.previous);
  return place === -1 ? undefined : place;
}

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
