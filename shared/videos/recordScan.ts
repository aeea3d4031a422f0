import { unquoted } from "../storage/blobs.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { announceAgain } from "./manifest.ts";
import { quarantineReady } from "./quarantineReady.ts";
import { type ScanVerdict, keepVerdict } from "./scanResult.ts";
import { type VideoState, videoKind } from "./video.ts";
import { isAtWork, processing } from "./workLease.ts";

/** A verdict on a file of ours. */
export interface ScannedVersion {
  readonly surveyId: string;
  readonly videoId: string;
  /** Version of the original that was scanned. */
  readonly etag: string;
  readonly verdict: ScanVerdict;
}

/** `late`: the video has ended otherwise, and its files are gone. */
export type ScanOutcome = "scan_recorded" | "scan_late" | "scan_of_nothing" | "ready_quarantined";

const heeding: readonly VideoState[] = ["uploaded", "processing", "processing_failed", "ready", "quarantined"];

/**
 * Keeps a verdict on a version of a video's original and lets the video go on if that is what it waits for, or takes it
 * from everybody if it is ready and malware. May come several times, in any order, before the video waits and after it has
 * ended.
 */
export async function recordScan(tenant: TenantScope, scanned: ScannedVersion): Promise<ScanOutcome> {
  const { surveyId, videoId, etag, verdict } = scanned;
  const video = await tenant.repository.find(videoKind, videoId);
  if (video?.surveyId !== surveyId) return "scan_of_nothing";
  if (!heeding.includes(video.state)) return "scan_late";
  await keepVerdict(tenant, videoId, etag, verdict);
  // Read only now: who begins to wait after this, or makes the video ready, looks for the verdict.
  const { state, scan } = await tenant.repository.get(videoKind, videoId);
  if (verdict === "malicious" && (state === "ready" || state === "quarantined"))
    return await quarantineReady(tenant, videoId, etag);
  const isAwaited = state === "processing" && scan?.verdict === "waiting" && unquoted(scan.etag) === unquoted(etag);
  // Who is at work has heard of it, or will: a manifest written anew would only take their own delivery from them.
  if (isAwaited && !(await isAtWork(tenant, processing, videoId)))
    await announceAgain({ tenantId: tenant.tenantId, surveyId, videoId });
  return "scan_recorded";
}
