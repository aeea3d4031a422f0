import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { Problem } from "../web/problem.ts";
import { isOverdue } from "./malwareGate.ts";
import { announceAgain } from "./manifest.ts";
import { type Video, videoKind } from "./video.ts";

/**
 * Has a video processed again that was given up, with as many attempts as at first. One whose scan result never came is
 * copied and scanned anew. Throws `not_failed` for any other; of two at the same time one does it.
 */
export async function retryVideo(tenant: TenantScope, video: Entity<Video>): Promise<void> {
  const { id, surveyId, state, scan } = video;
  if (state !== "processing_failed" && !isOverdue(video)) throw new Problem("not_failed", { more: { state } });
  await tenant
    .change()
    .patch(
      videoKind,
      video,
      { state: "processing", attempts: 0, ...(scan?.verdict === "waiting" && { scan: undefined }) },
      { ifMatch: video.etag, otherwise: { stale: "not_failed" } },
    )
    .remember({ id })
    .commit({ target: id });
  // Where this is not reached, the sweep announces it.
  await announceAgain({ tenantId: tenant.tenantId, surveyId, videoId: id });
}
