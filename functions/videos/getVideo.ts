import { app } from "@azure/functions";
import { Reply } from "../../shared/triggers/contract.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";
import { progressOf } from "../../shared/videos/workLease.ts";
import { videoOf } from "../../shared/videos/videoOf.ts";
import { VideoDetails, flightView } from "../../shared/videos/flightView.ts";
import { videoView } from "../../shared/videos/videoView.ts";

/** One video of a survey: its state, what it is technically, how it came, why it was refused. */
export const getVideo = endpoint({
  method: "GET",
  route: "surveys/{surveyId}/videos/{videoId}",
  permission: "videos:read",
  policy: "assigned",
  summary: "A video of a survey",
  success: { status: 200, body: VideoDetails, etag: true },
  handler: async ({ params, tenant, resource: survey }) => {
    const video = await videoOf(tenant, survey.id, params.videoId);
    const progress = video.state === "processing" ? await progressOf(tenant, video.id) : undefined;
    const details: VideoDetails = { ...videoView(video, progress), flight: flightView(video) };
    return new Reply(details, { etag: video.etag });
  },
});
app.http("getVideo", getVideo);
