import { decodeTime } from "ulid";
import { now } from "../clock.ts";
import { draftKind } from "../evidence/draft.ts";
import { type BlobContainer } from "../storage/accounts.ts";
import { type ListedBlob, listByPrefix } from "../storage/blobs.ts";
import { systemContainer, tenantContainer } from "../storage/containers.ts";
import { sendMessage } from "../storage/queues.ts";
import { arrivedAt } from "../storage/stagedBlocks.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { tenantKind } from "../tenants/tenant.ts";
import { isProblem } from "../web/problem.ts";
import { discardUpload, giveUp } from "./cancelUpload.ts";
import { deleteVideo } from "./deleteVideo.ts";
import { announce, announceAgain, withdraw } from "./manifest.ts";
import { isDue, isOverdue } from "./malwareGate.ts";
import { quarantineMs } from "./quarantine.ts";
import { type Video, type VideoState, manifestName, videoKind } from "./video.ts";
import { analysis, isAtWork, processing } from "./workLease.ts";

/** Time that a request takes from the state to the manifest, amply. */
const announceMs = 60_000;
/** Time after which what was asked for and nobody has begun is asked for again. */
const forgottenMs = 10 * 60_000;
const youthMs = 3_600_000;

/** What a sweep did to a video or a blob; of a verdict that is overdue it can only tell. */
export type Repair =
  | "upload_expired"
  | "announced"
  | "announced_again"
  | "scan_overdue"
  | "quarantine_ended"
  | "analysis_asked_again"
  | "deletion_finished"
  | "upload_discarded"
  | "manifest_withdrawn"
  | "evidence_asked_for";

/** So many failures are not about one video or blob: then the sweep ends. */
const mostFailures = 10;

/**
 * Finds what fell through between two steps of a tenant's videos, whatever ended the process that did them, and lets it go
 * on: upload sessions that are over, uploads that processing does not know of, dead work, analyses and evidence whose
 * message is gone, unfinished deletions, quarantine that is over, bytes that nobody wants. May run at any time and any
 * number of times. What cannot be repaired holds up nothing else; in the end it throws an AggregateError of all failures.
 */
export async function sweepTenant(tenant: TenantScope, report: (what: Repair, id: string) => void): Promise<void> {
  const found = await tenant.repository.find(tenantKind, tenant.tenantId);
  if (found?.state !== "active" && found?.state !== "suspended") return;
  const failures: unknown[] = [];
  const sweep: Sweep = {
    ...{ tenant, container: tenantContainer(tenant.tenantId, found.account), report },
    repair: async (one) => {
      try {
        await one();
      } catch (error) {
        // Whoever changed the video meanwhile, or holds it, has the last word.
        if (isProblem(error, "stale") || isProblem(error, "legal_hold")) return;
        failures.push(error);
        if (failures.length === mostFailures) throw failed(failures);
      }
    },
  };
  await expireUploads(sweep);
  const manifests = await manifestsOf(tenant);
  const open = await goOn(sweep, manifests);
  await withdrawManifests(
    sweep,
    [...manifests].filter(([, id]) => !open.has(id)).map(([, id]) => id),
  );
  await askAgain(sweep);
  await finishDeletions(sweep);
  await endQuarantine(sweep);
  await discardUnwanted(sweep);
  await askForEvidence(sweep);
  if (failures.length > 0) throw failed(failures);
}

interface Sweep {
  readonly tenant: TenantScope;
  readonly container: BlobContainer;
  readonly report: (what: Repair, id: string) => void;
  readonly repair: (one: () => Promise<void>) => Promise<void>;
}

function failed(failures: readonly unknown[]): AggregateError {
  return new AggregateError(failures, "a sweep could not repair everything");
}

async function expireUploads({ tenant, container, report, repair }: Sweep): Promise<void> {
  // All sessions are equally long, so the first one that is in time ends the list.
  for await (const video of inState(tenant, "awaiting_upload", "createdAt")) {
    if (video.upload.expiresAt > now().toISOString()) return;
    await repair(async () => {
      await giveUp(tenant, video, "upload_expired");
      await discardUpload(tenant.tenantId, container, video);
      report("upload_expired", video.id);
    });
  }
}

async function finishDeletions({ tenant, container, report, repair }: Sweep): Promise<void> {
  for await (const video of inState(tenant, "deleting"))
    await repair(async () => {
      await deleteVideo(tenant, container, video);
      report("deletion_finished", video.id);
    });
}

async function endQuarantine({ tenant, container, report, repair }: Sweep): Promise<void> {
  for await (const video of inState(tenant, "quarantined")) {
    if (now().getTime() - Date.parse(video.updatedAt) < quarantineMs) return;
    await repair(async () => {
      await deleteVideo(tenant, container, video);
      report("quarantine_ended", video.id);
    });
  }
}

/** Videos that have a manifest, by its name. */
async function manifestsOf({ tenantId }: TenantScope): Promise<Map<string, string>> {
  const manifests = new Map<string, string>();
  for await (const { name } of listByPrefix(systemContainer("ingest"), `${tenantId}/`))
    manifests.set(name, name.slice(name.lastIndexOf("/") + 1, -".json".length));
  return manifests;
}

/** Gives the ids of the videos that wait for processing or are in it. */
async function goOn(
  { tenant, report, repair }: Sweep,
  manifests: ReadonlyMap<string, string>,
): Promise<ReadonlySet<string>> {
  const { tenantId } = tenant;
  const open = new Set<string>();
  for await (const { id, surveyId, updatedAt } of inState(tenant, "uploaded")) {
    open.add(id);
    const place = { tenantId, surveyId, videoId: id };
    const age = now().getTime() - Date.parse(updatedAt);
    await repair(async () => {
      if (age > announceMs && !manifests.has(manifestName(tenantId, surveyId, id))) {
        await announce(place);
        report("announced", id);
      } else if (age > forgottenMs) {
        await announceAgain(place);
        report("announced_again", id);
      }
    });
  }
  for await (const video of inState(tenant, "processing")) {
    const { id, surveyId } = video;
    open.add(id);
    await repair(async () => {
      if (await isAtWork(tenant, processing, id)) return;
      if (isOverdue(video)) report("scan_overdue", id);
      if (!(await isDue(tenant, video))) return;
      await announceAgain({ tenantId, surveyId, videoId: id });
      report("announced_again", id);
    });
  }
  return open;
}

/** The message of an analysis may have been given up, with its worker dead each time. Almost always this list is empty. */
async function askAgain({ tenant, report, repair }: Sweep): Promise<void> {
  const { tenantId, requestId } = tenant;
  const where = { state: "ready", analysisState: "waiting" } as const;
  for await (const { id, updatedAt } of tenant.repository.all(videoKind, { where, orderBy: "updatedAt" })) {
    if (now().getTime() - Date.parse(updatedAt) < forgottenMs) return;
    await repair(async () => {
      if (await isAtWork(tenant, analysis, id)) return;
      await sendMessage("analyse-video", { tenantId, requestId, videoId: id });
      report("analysis_asked_again", id);
    });
  }
}

async function withdrawManifests(sweep: Sweep, videoIds: readonly string[]): Promise<void> {
  for (const id of videoIds) await sweep.repair(() => withdrawManifest(sweep, id));
}

async function withdrawManifest({ tenant, container, report }: Sweep, id: string): Promise<void> {
  const video = await tenant.repository.find(videoKind, id);
  if (video === undefined || ["awaiting_upload", "uploaded", "processing"].includes(video.state)) return;
  const place = { tenantId: tenant.tenantId, surveyId: video.surveyId, videoId: id };
  if (video.state === "quarantined") {
    // What is malware is not locked away yet.
    await announceAgain(place);
    report("announced_again", id);
    return;
  }
  if (video.state === "processing_failed") await withdraw(place);
  else await discardUpload(tenant.tenantId, container, video);
  report("manifest_withdrawn", id);
}

/** An upload grant outlives the upload by up to an hour and cannot cap its size, so what it was used for is looked at. */
async function discardUnwanted({ tenant, container, report, repair }: Sweep): Promise<void> {
  for await (const blob of listByPrefix(container, "incoming/", { uncommitted: true }))
    await repair(async () => {
      const [, surveyId = "", id = ""] = blob.name.split("/");
      const video = await tenant.repository.find(videoKind, id);
      if (video === undefined ? isYoung(id) : !(await isUnwanted(container, video, blob))) return;
      await discardUpload(tenant.tenantId, container, { surveyId, id });
      report("upload_discarded", id);
    });
}

/** A replica of the database may not know a video yet that was started a moment ago; nobody deletes one so soon. */
function isYoung(videoId: string): boolean {
  return now().getTime() - decodeTime(videoId.slice("vid_".length)) < youthMs;
}

async function isUnwanted(container: BlobContainer, video: Entity<Video>, blob: ListedBlob): Promise<boolean> {
  if (["uploaded", "processing", "processing_failed"].includes(video.state)) return false;
  if (video.state !== "awaiting_upload") return true;
  const { bytes } = await arrivedAt(container, blob.name);
  return bytes > video.upload.size;
}

/** Once in that time for each video, however long the vault is away. */
async function askForEvidence({ tenant, report, repair }: Sweep): Promise<void> {
  const { tenantId, requestId } = tenant;
  for await (const draft of tenant.repository.all(draftKind, { orderBy: "updatedAt" })) {
    if (now().getTime() - Date.parse(draft.updatedAt) < forgottenMs) return;
    await repair(async () => {
      await tenant
        .change()
        .patch(draftKind, draft, {}, { otherwise: { missing: "stale" } })
        .record();
      await sendMessage("seal-evidence", { tenantId, requestId, videoId: draft.videoId });
      report("evidence_asked_for", draft.videoId);
    });
  }
}

/** All videos in a state, the one first that changed, or was made, longest ago. */
function inState(
  tenant: TenantScope,
  state: VideoState,
  orderBy: "updatedAt" | "createdAt" = "updatedAt",
): AsyncGenerator<Entity<Video>> {
  return tenant.repository.all(videoKind, { where: { state }, orderBy });
}
