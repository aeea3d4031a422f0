import { config } from "../config.ts";
import { now } from "../clock.ts";
import { unquoted } from "../storage/blobs.ts";
import { type Survey, surveyKind } from "../surveys/survey.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { LogEntry } from "../tenancy/logEntry.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import type { Tenant } from "../tenants/tenant.ts";
import type { OutputBlob, Video } from "../videos/video.ts";
import packageFile from "../../package.json" with { type: "json" };
import type { EvidenceDraft, Handling } from "./draft.ts";
import { type CustodyEntry, type Manifest, chainCustody, maxCustody, sha256 } from "./manifest.ts";

/**
 * The manifest of a ready video, from what processing kept and from what the tenant's log says about it: each of those
 * entries' hashes vouches for all entries before it. Throws where the log does not tell of the ready video yet. One point
 * read, and of the log what {@link wayToReady} reads.
 */
export async function composeManifest(
  tenant: TenantScope,
  { consentText }: Pick<Tenant, "consentText">,
  video: Entity<Video>,
  draft: EvidenceDraft,
): Promise<Manifest> {
  const { id: videoId, surveyId, questionId, upload, original, outputs, createdAt, uploadedAt } = video;
  if (original === undefined || outputs === undefined) throw new Error("a ready video without its files");
  const survey = await tenant.repository.get(surveyKind, surveyId);
  const way = await wayToReady(tenant, video);
  const { received, etags, tools, limits } = draft;
  const { commit } = config();
  const { maxBytes, minDurationMs, maxDurationMs, maxPixels } = limits;
  return {
    v: 1,
    tenantId: tenant.tenantId,
    surveyId,
    questionId,
    videoId,
    declared: {
      size: upload.size,
      contentType: upload.contentType,
      ...(upload.sha256 !== undefined && { sha256: upload.sha256 }),
    },
    received: receivedOf(received),
    original: { ...fileOf(original), etag: unquoted(etags.original) },
    outputs: { video: fileOf(outputs.video), poster: fileOf(outputs.poster), sprite: fileOf(outputs.sprite) },
    media: {
      method: outputs.method,
      durationMs: outputs.durationMs,
      width: outputs.width,
      height: outputs.height,
    },
    limits: { maxBytes, minDurationMs, maxDurationMs, maxPixels },
    tools: {
      callpilot: { version: packageFile.version, ...(commit !== undefined && { commit }) },
      ffmpeg: { ...tools.ffmpeg },
      ffprobe: { ...tools.ffprobe },
    },
    ...consentOf(survey, consentText),
    times: {
      started: createdAt,
      completed: uploadedAt ?? createdAt,
      processed: draft.steps.at(-1)?.at ?? video.updatedAt,
    },
    custody: chainCustody(custodyOf(tenant, way, draft)),
  };
}

function receivedOf({ size, etag, blockCount, blocks }: Handling["received"]): Manifest["received"] {
  return {
    size,
    etag: unquoted(etag),
    blockCount,
    ...(blocks !== undefined && { blocks: blocks.map((block) => ({ id: block.id, size: block.size })) }),
  };
}

function consentOf({ consent }: Survey, { version, text }: Tenant["consentText"]): Pick<Manifest, "consent"> {
  if (consent === undefined) return {};
  const { version: said, accepted, at, locale } = consent;
  return { consent: { version: said, accepted, at, locale, ...(said === version && { textSha256: sha256(text) }) } };
}

/** What the log tells up to the processing, then its steps, then the end of it, then this. */
function custodyOf(
  { actor }: TenantScope,
  way: readonly LogEntry[],
  { steps }: EvidenceDraft,
): Omit<CustodyEntry, "previous">[] {
  const told = way.map(({ seq, hash, occurredAt, type, action, actor: by }) => ({
    at: occurredAt,
    what: type ?? action,
    by: { ...by },
    log: { sequence: seq, hash },
  }));
  const worker = way.at(-1)?.actor ?? actor;
  const done = steps.map(({ what, at }) => ({ at, what, by: { ...worker } }));
  const sealed = { at: now().toISOString(), what: "sealed", by: { type: actor.type, id: actor.id } };
  return [...told.slice(0, -1), ...done, ...told.slice(-1), sealed];
}

/** Of an absurdly long story the end is told. */
const maxTold = maxCustody - 10;

/**
 * The log's entries about the video, oldest first, from the first one to that of the ready video, without refused attempts.
 * As many queries as it takes, seldom more than one.
 */
async function wayToReady(tenant: TenantScope, { id, createdAt }: Entity<Video>): Promise<readonly LogEntry[]> {
  const found: LogEntry[] = [];
  let before: number | undefined = Number.MAX_SAFE_INTEGER;
  while (before !== undefined) {
    const page = await tenant.log.search({ target: id, from: createdAt }, before, 100);
    found.push(...page.entries.filter(({ denied }) => denied === undefined));
    before = page.next;
  }
  const ready = found.findIndex(({ type }) => type === "video.ready");
  if (ready === -1) throw new Error("the log does not tell of the ready video yet");
  return found.slice(ready, ready + maxTold).toReversed();
}

function fileOf({ size, sha256: hash }: OutputBlob) {
  return { size, sha256: hash };
}
