import { app } from "@azure/functions";
import { Type } from "@sinclair/typebox";
import { eventGridTrigger } from "../../shared/triggers/eventGridTrigger.ts";
import { recordScan } from "../../shared/videos/recordScan.ts";
import { verdictOfDefender } from "../../shared/videos/scanResult.ts";

/** Takes what Microsoft Defender for Storage found in the original of a video. */
export const onScanResult = eventGridTrigger({
  eventType: "Microsoft.Security.MalwareScanningResult",
  data: {
    eTag: Type.String({ pattern: '^"?[\\w.-]{1,100}"?$', maxLength: 102 }),
    scanResultType: Type.String({ maxLength: 256 }),
  },
  path: "originals/{surveyId}/{videoId}",
  handler: async ({ data, params, tenant, log }) => {
    const verdict = verdictOfDefender(data.scanResultType);
    const { surveyId, videoId } = params;
    const event = await recordScan(tenant, { surveyId, videoId, etag: data.eTag, verdict });
    const { tenantId, requestId } = tenant;
    const clean = verdict === "clean";
    log(clean ? "info" : "warn", { event, tenantId, requestId, target: videoId, code: verdict });
  },
});
app.eventGrid("onScanResult", onScanResult);
