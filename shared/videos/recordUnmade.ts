import { Rejection } from "../media/rejection.ts";
import { ScanPending, isDue } from "./malwareGate.ts";
import { announceAgain } from "./manifest.ts";
import type { Work } from "./workLease.ts";
import { end } from "./endWork.ts";
import { recordRejected } from "./recordOutcome.ts";
import type { Scan } from "./video.ts";

/** Ends the work on a video that was not made, for a reason that is none of ours; throws any other again. */
export async function recordUnmade(work: Work, reason: unknown): Promise<"rejected" | "quarantined" | "waiting"> {
  if (reason instanceof ScanPending) return await letWait(work, reason.scan);
  if (reason instanceof Rejection) return await recordRejected(work, reason);
  throw reason;
}

/**
 * The malware gate has no verdict yet: the video waits, and nobody is at work on it. That a scanner is away is no attempt
 * of the video's; a scan that was asked for is one, so that those that fail come to an end.
 */
async function letWait(work: Work, scan: Scan): Promise<"waiting"> {
  const { tenant, video } = work;
  const attempts = video.attempts - (scan.gate === "clamd" ? 1 : 0);
  await end(tenant.change(), work, { scan, attempts }, []);
  // Who brings a verdict looks for a video that waits, and who lets one wait for a verdict: one of them finds the other.
  if (scan.gate === "defender" && (await isDue(tenant, { ...video, scan })))
    await announceAgain({ tenantId: tenant.tenantId, surveyId: video.surveyId, videoId: video.id });
  return "waiting";
}
