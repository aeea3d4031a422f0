import { app } from "@azure/functions";
import { Reply } from "../../shared/triggers/contract.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";
import { progressOf } from "../../shared/videos/processingLease.ts";
import { videoOf } from "../../shared/videos/videoOf.ts";
import { VideoView, videoView } from "../../shared/videos/videoView.ts";

/** One video of a survey: its state, what it is technically, why it was refused. */
export const getVideo = endpoint({
  method: "GET",
  route: "surveys/{surveyId}/videos/{videoId}",
  permission: "videos:read",
  policy: "assigned",
  summary: "A video of a survey",
  success: { status: 200, body: VideoView, etag: true },
  handler: async ({ params, tenant, resource: survey }) => {
    const video = await videoOf(tenant, survey.id, params.videoId);
    const progress = video.state === "processing" ? await progressOf(tenant, video.id) : undefined;
    return new Reply(videoView(video, progress), { etag: video.etag });
  },
});
app.http("getVideo", getVideo);
