import { unquoted } from "../storage/blobs.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { announceAgain } from "./manifest.ts";
import { type ScanVerdict, keepVerdict } from "./scanResult.ts";
import { type VideoState, videoKind } from "./video.ts";

/** A verdict that somebody waits for. */
export interface ScannedVersion {
  readonly surveyId: string;
  readonly videoId: string;
  /** Version of the original that was scanned. */
  readonly etag: string;
  readonly verdict: ScanVerdict;
}

/** `late`: the video has ended without it, which for malware that is found in it calls for a look. */
export type ScanOutcome = "scan_recorded" | "scan_late" | "scan_of_nothing";

const open: readonly VideoState[] = ["uploaded", "processing", "processing_failed"];

/**
 * Keeps a verdict on a version of a video's original and lets the video go on if that is what it waits for. May come
 * several times, in any order, before the video waits and after it has ended.
 */
export async function recordScan(tenant: TenantScope, scanned: ScannedVersion): Promise<ScanOutcome> {
  const { surveyId, videoId, etag, verdict } = scanned;
  const video = await tenant.repository.find(videoKind, videoId);
  if (video?.surveyId !== surveyId) return "scan_of_nothing";
  if (!open.includes(video.state)) return "scan_late";
  await keepVerdict(tenant, videoId, etag, verdict);
  // Read only now: who begins to wait after this looks for the verdict.
  const { state, scan } = await tenant.repository.get(videoKind, videoId);
  if (state === "processing" && scan?.verdict === "waiting" && unquoted(scan.etag) === unquoted(etag))
    await announceAgain({ tenantId: tenant.tenantId, surveyId, videoId });
  return "scan_recorded";
}
