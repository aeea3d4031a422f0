import { unquoted } from "../storage/blobs.ts";
import { derivedId } from "../tenancy/ids.ts";
import { type Entity, defineKind } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { isProblem } from "../web/problem.ts";

/** What a scanner says of a file; `failed` where it cannot say, which is not clean. A later entry outdoes an earlier one. */
const scanVerdicts = ["failed", "clean", "malicious"] as const;
export type ScanVerdict = (typeof scanVerdicts)[number];

/**
 * A scanner's verdict on one version of a video's original, kept apart from the video, which may be busy, and found by that
 * version alone: what is said of another one counts for nothing. For longer than anybody waits for it.
 */
export interface ScanResult {
  readonly videoId: string;
  readonly verdict: ScanVerdict;
}

export const scanResultKind = defineKind<ScanResult>("scanResult", {
  schemaVersion: 1,
  fields: { videoId: "id", verdict: scanVerdicts },
  ttlSeconds: 30 * 86_400,
});

/** What Defender's words mean; those of a scan that failed are many, and some of them an error's code. */
export function verdictOfDefender(scanResultType: string): ScanVerdict {
  if (scanResultType === "No threats found") return "clean";
  return scanResultType === "Malicious" ? "malicious" : "failed";
}

/** Undefined as long as none has come. One point read. */
export async function keptVerdict(
  tenant: TenantScope,
  videoId: string,
  etag: string,
): Promise<Entity<ScanResult> | undefined> {
  return await tenant.repository.find(scanResultKind, resultId(videoId, etag));
}

/** The same in one word. */
export async function scanVerdict(
  tenant: TenantScope,
  videoId: string,
  etag: string,
): Promise<ScanVerdict | undefined> {
  return (await keptVerdict(tenant, videoId, etag))?.verdict;
}

/** Keeps a verdict, which may come several times and late: of two about the same version the worse one stays, and any outdoes none. */
export async function keepVerdict(
  tenant: TenantScope,
  videoId: string,
  etag: string,
  verdict: ScanVerdict,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const kept = await keptVerdict(tenant, videoId, etag);
    if (kept !== undefined && scanVerdicts.indexOf(kept.verdict) >= scanVerdicts.indexOf(verdict)) return;
    const change = tenant.change();
    if (kept === undefined) change.create(scanResultKind, resultId(videoId, etag), { videoId, verdict });
    else change.replace(scanResultKind, kept, { videoId, verdict });
    try {
      await change.record();
      return;
    } catch (error) {
      // The same event at the same time, or an answer that was lost.
      if (!isProblem(error) || attempt === 4) throw error;
    }
  }
}

function resultId(videoId: string, etag: string): string {
  return derivedId("scn", videoId, unquoted(etag));
}
