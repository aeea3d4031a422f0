import { type BlobContainer } from "../storage/accounts.ts";
import { tenantContainer } from "../storage/containers.ts";
import type { Entity } from "../tenancy/kind.ts";
import { type Lease, LeaseLost } from "../tenancy/lease.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { tenantKind } from "../tenants/tenant.ts";
import { isProblem } from "../web/problem.ts";
import { discardStream, examineVideo } from "./examineVideo.ts";
import { recordAnalysed, recordNotAnalysed } from "./recordAnalysed.ts";
import { videoKind } from "./video.ts";
import { inWorkFolder } from "./workFolder.ts";
import { type Work, analysis, claim, freeLease } from "./workLease.ts";

const maxAttempts = 5;

/** What came of a message: `idle` where there was nothing to do, or somebody else does it. */
export type AnalysisOutcome = "analysed" | "not_analysed" | "idle";

/**
 * Does what follows `ready`. May be asked for any number of times, at once and after any crash, as processing may. Throws
 * what may go better next time; the fifth failure is final, and the video stays ready.
 */
export async function analyseVideo(tenant: TenantScope, videoId: string): Promise<AnalysisOutcome> {
  const lease = await freeLease(tenant, analysis, videoId);
  if (lease === "busy") return "idle";
  const video = await tenant.repository.find(videoKind, videoId);
  if (video === undefined) return "idle";
  const { account } = await tenant.repository.get(tenantKind, tenant.tenantId);
  const container = tenantContainer(tenant.tenantId, account);
  if (video.state !== "ready" || video.analysisState !== "waiting") {
    if (lease !== undefined) await abandon(tenant, container, videoId, lease);
    return "idle";
  }
  const work = await claim(tenant, analysis, video, lease);
  return work === undefined ? "idle" : await carryOut(work, container);
}

async function carryOut(work: Work, container: BlobContainer): Promise<AnalysisOutcome> {
  try {
    return await attemptOrGiveUp(work, container);
  } catch (error) {
    if (!(error instanceof LeaseLost)) throw error;
    // Somebody else is at work, or has ended it; what was stored since is nobody's once the video is deleted. Or the
    // database was away for longer than the lease, and nobody is.
    const { tenant, video } = work;
    const { state, analysisState } = await tenant.repository.get(videoKind, video.id);
    if (state !== "ready") await discardStream(tenant, container, video.id);
    else if (analysisState === "waiting" && !(await work.isTaken())) throw error;
    return "idle";
  }
}

async function attemptOrGiveUp(work: Work, container: BlobContainer): Promise<AnalysisOutcome> {
  try {
    if (work.attempt > maxAttempts) {
      await giveUp(work, container);
      return "not_analysed";
    }
    const examined = await inWorkFolder(work.subject, (folder) => examineVideo(work, container, folder));
    await recordAnalysed(work, examined);
    return "analysed";
  } catch (error) {
    if (error instanceof LeaseLost) throw error;
    if (work.signal.reason instanceof LeaseLost) throw work.signal.reason;
    if (isProblem(error, "stale")) {
      await abandon(work.tenant, container, work.video.id, await work.end());
      return "idle";
    }
    if (work.attempt < maxAttempts) await work.rest();
    else await giveUp(work, container);
    throw error;
  }
}

async function giveUp(work: Work, container: BlobContainer): Promise<void> {
  await discardStream(work.tenant, container, work.video.id);
  await recordNotAnalysed(work);
}

/** Leaves nothing of the work on a video that was deleted before it ended. Last of all its lease, which told of it. */
async function abandon(tenant: TenantScope, container: BlobContainer, videoId: string, lease: Entity<Lease>) {
  await discardStream(tenant, container, videoId);
  try {
    await tenant.change().remove(lease).record();
  } catch (error) {
    if (!isProblem(error, "stale") && !isProblem(error, "not_found")) throw error;
  }
}
