import { app } from "@azure/functions";
import { sealEvidence as seal } from "../../shared/evidence/sealEvidence.ts";
import { appendLog } from "../../shared/log/appendLog.ts";
import { Id, prefixes } from "../../shared/tenancy/ids.ts";
import { queueTrigger } from "../../shared/triggers/queueTrigger.ts";

/** Signs what is known of a video that has become ready, once the log tells of it. */
export const sealEvidence = queueTrigger({
  queue: "seal-evidence",
  message: { videoId: Id(prefixes.video) },
  handler: async ({ tenant, message }) => {
    await appendLog(tenant);
    await seal(tenant, message.videoId);
  },
});
app.storageQueue("sealEvidence", sealEvidence);
