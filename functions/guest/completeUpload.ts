import { app } from "@azure/functions";
import { Reply } from "../../shared/triggers/contract.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";
import { UploadCompletion, completeUpload as complete } from "../../shared/videos/completeUpload.ts";
import { UploadView } from "../../shared/videos/uploadView.ts";

/** Checks that the whole file has arrived and hands it to processing. */
export const completeUpload = endpoint({
  method: "POST",
  route: "guest/videos/{videoId}/complete",
  permission: "guest:upload",
  policy: "ownVideo",
  summary: "Complete an upload",
  description:
    "Takes staged blocks, in the order of `blocks` or else of their places, or a file that was sent at once. Whether it is a video, and has the declared SHA-256, is found out while it is processed.",
  body: UploadCompletion,
  success: { status: 202, body: UploadView, location: true },
  errors: [
    "consent_required",
    "submitted",
    "final",
    "session_expired",
    "missing_blocks",
    "size_mismatch",
    "invalid_transition",
  ],
  handler: async ({ body, caller, tenant, resource: video }) =>
    new Reply(await complete(tenant, caller, video, body), { location: `/v1/guest/videos/${video.id}` }),
  repeat: "natural",
});
app.http("completeUpload", completeUpload);
