import { app } from "@azure/functions";
import { endpoint } from "../../shared/triggers/endpoint.ts";
import { cancelUpload as cancel } from "../../shared/videos/cancelUpload.ts";

/** Takes back a recording before the survey is submitted. */
export const cancelUpload = endpoint({
  method: "DELETE",
  route: "guest/videos/{videoId}",
  permission: "guest:upload",
  policy: "ownVideo",
  summary: "Cancel an upload, or delete the recording",
  success: { status: 204 },
  errors: ["submitted", "final", "invalid_transition", "legal_hold"],
  handler: ({ caller, tenant, resource: video }) => cancel(tenant, caller, video),
});
app.http("cancelUpload", cancelUpload);
