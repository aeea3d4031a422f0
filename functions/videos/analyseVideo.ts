import { app } from "@azure/functions";
import { Id, prefixes } from "../../shared/tenancy/ids.ts";
import { queueTrigger } from "../../shared/triggers/queueTrigger.ts";
import { analyseVideo as analyse } from "../../shared/videos/analyseVideo.ts";
import { inLane } from "../../shared/videos/analysisLanes.ts";

/** Finds out what a ready video sounds and looks like, which nobody waits for. */
export const analyseVideo = queueTrigger({
  queue: "analyse-video",
  message: { videoId: Id(prefixes.video) },
  handler: async ({ tenant, message, log }) => {
    const { tenantId, requestId } = tenant;
    const { videoId } = message;
    const started = performance.now();
    const outcome = await inLane(tenant, videoId, () => analyse(tenant, videoId));
    log("info", {
      event: `video_${outcome ?? "put_off"}`,
      tenantId,
      requestId,
      target: videoId,
      milliseconds: Math.round(performance.now() - started),
    });
  },
});
app.storageQueue("analyseVideo", analyseVideo);
