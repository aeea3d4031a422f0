import type { BlobContainer } from "../storage/accounts.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { videoOf } from "../videos/videoOf.ts";
import { Problem } from "../web/problem.ts";
import type { Evidence } from "./evidence.ts";
import { findEvidence } from "./evidenceStore.ts";
import { manifestHash } from "./manifest.ts";

/**
 * The evidence of a video of the survey. Throws `not_found`, and `not_sealed` for a video that has none: yet, any more, or
 * because it was ready before there was evidence. Two point reads at most.
 */
export async function readEvidence(
  tenant: TenantScope,
  container: BlobContainer,
  surveyId: string,
  videoId: string,
): Promise<Evidence> {
  const { evidence } = await sealedVideo(tenant, surveyId, videoId);
  const found = await findEvidence(container, evidence.blob);
  if (found !== undefined && manifestHash(found.manifest) === evidence.manifestHash) return found;
  // A video loses its files before it says that they are gone. Otherwise a person has to know.
  await sealedVideo(tenant, surveyId, videoId);
  throw new Error("the evidence of a sealed video is missing, or another one than the log names");
}

async function sealedVideo(tenant: TenantScope, surveyId: string, videoId: string) {
  const { state, evidence } = await videoOf(tenant, surveyId, videoId);
  if (state !== "ready" || evidence === undefined) throw new Problem("not_sealed", { more: { state } });
  return { evidence };
}
