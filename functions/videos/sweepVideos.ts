import { app } from "@azure/functions";
import { sendMessage } from "../../shared/storage/queues.ts";
import { platformTenantId } from "../../shared/tenancy/ids.ts";
import { registeredTenantKind } from "../../shared/tenants/registry.ts";
import { timerTrigger } from "../../shared/triggers/timerTrigger.ts";

/** Asks for a sweep of every tenant there is, and of the platform itself. */
export const sweepVideos = timerTrigger({
  schedule: "0 */5 * * * *",
  handler: async ({ platform }) => {
    const { requestId } = platform;
    await sendMessage("sweep-tenant", { tenantId: platformTenantId, requestId });
    for await (const { id, state } of platform.repository.all(registeredTenantKind))
      if (state !== "deleted") await sendMessage("sweep-tenant", { tenantId: id, requestId });
  },
});
app.timer("sweepVideos", sweepVideos);
