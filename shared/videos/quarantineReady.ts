import { now } from "../clock.ts";
import { Rejection } from "../media/rejection.ts";
import { type BlobContainer } from "../storage/accounts.ts";
import { type BlobFacts, deleteBlob, statBlob, unquoted } from "../storage/blobs.ts";
import { tenantContainer } from "../storage/containers.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { counters, tenantKind } from "../tenants/tenant.ts";
import { isProblem } from "../web/problem.ts";
import { changeWithSurvey, event } from "./endWork.ts";
import { announceAgain } from "./manifest.ts";
import { refusal } from "./recordOutcome.ts";
import { type Video, blobNames, videoKind } from "./video.ts";

const tries = 4;

/**
 * Takes a ready video from everybody, in whose original malware was found after all: what it is played from is deleted at
 * once, so that no grant is of use any more, and what else there is goes the way of all quarantine. May be repeated, and
 * finishes what is left. `scan_late` where the verdict is on no file that is stored.
 */
export async function quarantineReady(
  tenant: TenantScope,
  videoId: string,
  etag: string,
): Promise<"ready_quarantined" | "scan_late"> {
  const { account } = await tenant.repository.get(tenantKind, tenant.tenantId);
  const container = tenantContainer(tenant.tenantId, account);
  for (let attempt = 1; ; attempt++) {
    const video = await tenant.repository.get(videoKind, videoId);
    const original = await statBlob(container, blobNames(video.surveyId, videoId).original);
    if (original === undefined || unquoted(original.etag) !== unquoted(etag)) return "scan_late";
    try {
      if (video.state === "ready") await recordMalware(tenant, video, original);
      await takeAway(tenant.tenantId, container, video);
      return "ready_quarantined";
    } catch (error) {
      // What follows `ready` has changed it meanwhile, or somebody has deleted it.
      if (!isProblem(error, "stale") || attempt === tries) throw error;
    }
  }
}

/** Throws `stale` where the video has changed since it was read. */
async function recordMalware(tenant: TenantScope, video: Entity<Video>, { etag }: BlobFacts): Promise<void> {
  const { code, remedy } = new Rejection("malware", "found after it was ready");
  const { countedBytes } = video;
  const scan = { gate: "defender", etag, verdict: "malicious", at: now().toISOString() } as const;
  await changeWithSurvey(
    { tenant, video },
    event("video.rejected", video, { code }),
    (survey) => refusal(tenant, survey, video, { state: "quarantined", rejection: { code, remedy } }),
    async (change, set, events) => {
      await change
        .patch(videoKind, video, { ...set, scan }, { condition: { state: "ready", countedBytes } })
        .count(counters.videoBytes, -countedBytes)
        .commit({ target: video.id, events });
    },
  );
}

/** The manifest first: from then on it is taken away whatever becomes of this. */
async function takeAway(tenantId: string, container: BlobContainer, { surveyId, id: videoId }: Entity<Video>) {
  await announceAgain({ tenantId, surveyId, videoId });
  const { video, stream } = blobNames(surveyId, videoId);
  await deleteBlob(container, video);
  await deleteBlob(container, stream);
}
