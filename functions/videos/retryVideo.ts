import { app } from "@azure/functions";
import type { TenantScope } from "../../shared/tenancy/scope.ts";
import { Reply } from "../../shared/triggers/contract.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";
import { retryVideo as retry } from "../../shared/videos/retryVideo.ts";
import { videoOf } from "../../shared/videos/videoOf.ts";
import { VideoView, videoView } from "../../shared/videos/videoView.ts";

/** Processes a video again that could not be processed. */
export const retryVideo = endpoint({
  method: "POST",
  route: "surveys/{surveyId}/videos/{videoId}/retry",
  permission: "videos:retry",
  policy: "assigned",
  summary: "Process a video again",
  description:
    "For a video whose processing failed, and for one whose malware scan has had no result for half an hour; a rejected one would be rejected again.",
  success: { status: 202, body: VideoView, location: true },
  errors: ["not_failed"],
  handler: async ({ params, tenant, resource: survey }) => {
    await retry(tenant, await videoOf(tenant, survey.id, params.videoId));
    return await answer(tenant, survey.id, params.videoId);
  },
  repeat: ({ params, tenant, resource: survey }) => answer(tenant, survey.id, params.videoId),
});
app.http("retryVideo", retryVideo);

async function answer(tenant: TenantScope, surveyId: string, videoId: string): Promise<Reply<VideoView>> {
  const video = await videoOf(tenant, surveyId, videoId);
  return new Reply(videoView(video), { location: `/v1/surveys/${surveyId}/videos/${videoId}` });
}
