import { app } from "@azure/functions";
import { recordOnce } from "../../shared/log/recordOnce.ts";
import { tenantContainer } from "../../shared/storage/containers.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";
import { Playback, playback } from "../../shared/videos/playback.ts";
import { videoOf } from "../../shared/videos/videoOf.ts";

/** Grants reading the files that a video is played from, for at most 15 minutes. */
export const createPlayback = endpoint({
  method: "POST",
  route: "surveys/{surveyId}/videos/{videoId}/playback",
  permission: "videos:play",
  policy: "assigned",
  summary: "Play a video",
  success: { status: 200, body: Playback },
  errors: ["not_ready"],
  handler: async ({ params, caller, tenant, resource: survey }) => {
    const video = await videoOf(tenant, survey.id, params.videoId);
    const grants = await playback(tenantContainer(tenant.tenantId, caller.tenant.account), video);
    // Nobody is let see anything that the tenant's log does not tell of.
    await recordOnce(tenant, { target: params.videoId });
    return grants;
  },
  repeat: "natural",
});
app.http("createPlayback", createPlayback);
