import { hashStream } from "../media/hash.ts";
import { publicKey, sign } from "../protection/signing.ts";
import type { BlobContainer } from "../storage/accounts.ts";
import { deleteBlob, statBlob } from "../storage/blobs.ts";
import { tenantContainer } from "../storage/containers.ts";
import { openStream } from "../storage/streams.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { type Tenant, counters, tenantKind } from "../tenants/tenant.ts";
import { type OutputBlob, type Video, blobNames, videoKind } from "../videos/video.ts";
import { isProblem } from "../web/problem.ts";
import { composeManifest } from "./composeManifest.ts";
import { type EvidenceDraft, draftId, draftKind } from "./draft.ts";
import { type Evidence, evidenceKeyName, evidenceOf, isEvidenceBy, signedBytes } from "./evidence.ts";
import { findEvidence, keepEvidence, sizeOf } from "./evidenceStore.ts";
import { manifestHash } from "./manifest.ts";

/** `idle`: there was nothing to seal. `dropped`: the video is not there any more, and neither is evidence of it. */
export type Sealing = "sealed" | "dropped" | "idle";

/**
 * Signs what is known of a ready video, keeps it beside the video, and tells the tenant's log the hash of it. May be
 * delivered any number of times, at once and after any crash: what is kept first stays. Throws where what is stored is not
 * what was hashed, so that a changed recording gets no signature, and what may go better next time.
 */
export async function sealEvidence(tenant: TenantScope, videoId: string): Promise<Sealing> {
  try {
    return await seal(tenant, videoId);
  } catch (error) {
    // Somebody else has sealed it meanwhile, or deletes it.
    if (!isProblem(error, "stale") && !isProblem(error, "not_found")) throw error;
    return await seal(tenant, videoId);
  }
}

async function seal(tenant: TenantScope, videoId: string): Promise<Sealing> {
  const draft = await tenant.repository.find(draftKind, draftId(videoId));
  if (draft === undefined) return "idle";
  const company = await tenant.repository.get(tenantKind, tenant.tenantId);
  const container = tenantContainer(tenant.tenantId, company.account);
  const video = await tenant.repository.get(videoKind, videoId);
  const blob = blobNames(video.surveyId, videoId).evidence;
  if (video.state !== "ready") {
    // After the deletion of the video's files: here one more may have come since.
    await deleteBlob(container, blob);
    await tenant.change().remove(draft).record();
    return "dropped";
  }
  const kept = await findEvidence(container, blob);
  const evidence = kept ?? (await keepEvidence(container, blob, await make(tenant, company, container, video, draft)));
  await demandGenuine(tenant, video, evidence);
  const { surveyId, questionId } = video;
  const { manifest } = evidence;
  const hash = manifestHash(manifest);
  const sealedAt = manifest.custody.at(-1)?.at ?? video.updatedAt;
  const size = sizeOf(evidence);
  const { countedBytes } = video;
  await tenant
    .change()
    .patch(
      videoKind,
      video,
      { evidence: { blob, size, manifestHash: hash, sealedAt }, countedBytes: countedBytes + size },
      { condition: { state: "ready", evidence: { absent: true }, countedBytes } },
    )
    .remove(draft)
    .count(counters.videoBytes, size)
    .commit({
      target: videoId,
      events: [{ type: "video.sealed", data: { surveyId, videoId, questionId, manifestHash: hash } }],
    });
  return "sealed";
}

async function make(
  tenant: TenantScope,
  company: Tenant,
  container: BlobContainer,
  video: Entity<Video>,
  draft: EvidenceDraft,
): Promise<Evidence> {
  const { original, outputs } = video;
  for (const [file, etag] of [
    [original, draft.etags.original],
    [outputs?.video, draft.etags.video],
    [outputs?.poster, draft.etags.poster],
    [outputs?.sprite, draft.etags.sprite],
  ] as const)
    await demandUnchanged(container, file, etag);
  const manifest = await composeManifest(tenant, company, video, draft);
  const { signature, key } = await sign(evidenceKeyName, (kid) => signedBytes(kid, manifest));
  return evidenceOf(manifest, signature, key);
}

/**
 * What is stored is what was hashed: the same version, or the same content, where an attempt that had lost its lease wrote
 * it once more.
 */
async function demandUnchanged(container: BlobContainer, file: OutputBlob | undefined, etag: string): Promise<void> {
  if (file === undefined) throw new Error("a ready video without its files");
  const now = await statBlob(container, file.blob);
  if (now?.etag === etag) return;
  const found =
    now === undefined ? undefined : await hashStream(await openStream(container, file.blob, { ifMatch: now.etag }));
  if (found?.sha256 !== file.sha256) throw new Error(`no evidence is made: ${file.blob} is not what was hashed`);
}

/** What is kept is signed by this vault and about this video. */
async function demandGenuine({ tenantId }: TenantScope, { id }: Entity<Video>, evidence: Evidence): Promise<void> {
  const { manifest, kid } = evidence;
  const key = await publicKey(evidenceKeyName, kid.split("/")[1]);
  if (manifest.tenantId !== tenantId || manifest.videoId !== id || !isEvidenceBy(key, evidence))
    throw new Error("what is kept as evidence is not ours");
}
