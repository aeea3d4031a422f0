import { app } from "@azure/functions";
import { appendLog } from "../../shared/log/appendLog.ts";
import { sealLog as seal } from "../../shared/log/sealLog.ts";
import { queueTrigger } from "../../shared/triggers/queueTrigger.ts";

/** Brings one tenant's log to its end, and signs it. */
export const sealLog = queueTrigger({
  queue: "seal-log",
  message: {},
  handler: async ({ tenant }) => {
    await appendLog(tenant);
    await seal(tenant);
  },
});
app.storageQueue("sealLog", sealLog);
