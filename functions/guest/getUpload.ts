import { app } from "@azure/functions";
import { tenantContainer } from "../../shared/storage/containers.ts";
import { demandWritable, guestSurvey } from "../../shared/surveys/guestAccess.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";
import { UploadView, viewUpload } from "../../shared/videos/uploadView.ts";

/** Tells a device what of its video has arrived and renews the grant, so that an upload is resumed and never restarted. */
export const getUpload = endpoint({
  method: "GET",
  route: "guest/videos/{videoId}",
  permission: "guest:upload",
  policy: "ownVideo",
  summary: "State of an upload, with a fresh grant while bytes are wanted",
  success: { status: 200, body: UploadView },
  errors: ["consent_required", "submitted", "final", "session_expired", "too_large"],
  handler: async ({ caller, tenant, resource: video }) => {
    if (video.state === "awaiting_upload") demandWritable(await guestSurvey(tenant, caller), { consent: true });
    return await viewUpload(tenant, tenantContainer(tenant.tenantId, caller.tenant.account), video);
  },
});
app.http("getUpload", getUpload);
