import { app } from "@azure/functions";
import { appendLog } from "../../shared/log/appendLog.ts";
import { queueTrigger } from "../../shared/triggers/queueTrigger.ts";
import { sweepTenant as sweep } from "../../shared/videos/sweepTenant.ts";

/** Lets go on what fell through in one tenant: its videos, and facts that the change feed has not brought to the log. */
export const sweepTenant = queueTrigger({
  queue: "sweep-tenant",
  message: {},
  handler: async ({ tenant, log }) => {
    const { tenantId, requestId } = tenant;
    await appendLog(tenant);
    await sweep(tenant, (what, target) => {
      log("warn", { event: what, tenantId, requestId, target });
    });
  },
});
app.storageQueue("sweepTenant", sweepTenant);
