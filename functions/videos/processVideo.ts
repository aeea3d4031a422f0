import { app } from "@azure/functions";
import { confinement } from "../../shared/media/confinement.ts";
import { blobTrigger } from "../../shared/triggers/blobTrigger.ts";
import { processVideo as process } from "../../shared/videos/processVideo.ts";

/** Makes a playable video of an upload when its manifest arrives. */
export const processVideo = blobTrigger({
  path: "ingest/{tenantId}/{surveyId}/{videoId}.json",
  handler: async ({ params, tenant, log }) => {
    const started = performance.now();
    const outcome = await process(tenant, params.surveyId, params.videoId);
    log("info", {
      event: `video_${outcome}`,
      tenantId: tenant.tenantId,
      requestId: tenant.requestId,
      target: params.videoId,
      confinement: (await confinement()).name,
      milliseconds: Math.round(performance.now() - started),
    });
  },
});
app.storageBlob("processVideo", processVideo);
