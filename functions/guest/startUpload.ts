import { app } from "@azure/functions";
import { tenantContainer } from "../../shared/storage/containers.ts";
import { Reply } from "../../shared/triggers/contract.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";
import { UploadRequest, startUpload as start } from "../../shared/videos/startUpload.ts";
import { UploadView, viewNewUpload, viewUpload } from "../../shared/videos/uploadView.ts";
import { videoOf } from "../../shared/videos/videoOf.ts";
import type { GuestCaller } from "../../shared/auth/caller.ts";
import type { BlobContainer } from "../../shared/storage/accounts.ts";

/** Reserves a video on the guest's survey and grants a short-lived, write-only upload of it. */
export const startUpload = endpoint({
  method: "POST",
  route: "guest/videos",
  permission: "guest:upload",
  summary: "Start a video upload",
  description:
    "Send the file to `upload.url`: in blocks of `blockSize` (Put Block), whose ids are base64 of the block's place in five digits, or at once (Put Blob). Then complete the upload. A repeat gives a fresh grant for the same video.",
  body: UploadRequest,
  success: { status: 201, body: UploadView, location: true },
  errors: [
    "not_found",
    "consent_required",
    "submitted",
    "final",
    "invalid_answer",
    "too_large",
    "unsupported_type",
    "quota_exceeded",
    "session_expired",
  ],
  handler: async ({ body, caller, tenant }) => {
    const video = await start(tenant, caller, body);
    return answer(await viewNewUpload(containerOf(caller), video));
  },
  repeat: async ({ caller, tenant }, { id = "" }) => {
    const video = await videoOf(tenant, caller.surveyId, id);
    return answer(await viewUpload(tenant, containerOf(caller), video));
  },
});
app.http("startUpload", startUpload);

function containerOf({ tenant }: GuestCaller): BlobContainer {
  return tenantContainer(tenant.id, tenant.account);
}

function answer(view: UploadView): Reply<UploadView> {
  return new Reply(view, { location: `/v1/guest/videos/${view.id}` });
}
