import { app } from "@azure/functions";
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
  recorded: true,
  handler: async ({ params, caller, tenant, resource: survey }) => {
    const video = await videoOf(tenant, survey.id, params.videoId);
    return await playback(tenantContainer(tenant.tenantId, caller.tenant.account), video);
  },
  repeat: "natural",
});
app.http("createPlayback", createPlayback);
