import { app } from "@azure/functions";
import { sendMessage } from "../../shared/storage/queues.ts";
import { platformTenantId } from "../../shared/tenancy/ids.ts";
import { registeredTenantKind } from "../../shared/tenants/registry.ts";
import { timerTrigger } from "../../shared/triggers/timerTrigger.ts";

/** Asks every night for the seal of every tenant's log, and of the platform's own. */
export const sealLogs = timerTrigger({
  schedule: "0 30 1 * * *",
  handler: async ({ platform }) => {
    const { requestId } = platform;
    await sendMessage("seal-log", { tenantId: platformTenantId, requestId });
    for await (const { id, state } of platform.repository.all(registeredTenantKind))
      if (state !== "deleted") await sendMessage("seal-log", { tenantId: id, requestId });
  },
});
app.timer("sealLogs", sealLogs);
