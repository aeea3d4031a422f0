import { app } from "@azure/functions";
import { giveUpProvisioning, provisionTenant as provision } from "../../shared/tenants/provisionTenant.ts";
import { maxAttempts, queueTrigger } from "../../shared/triggers/queueTrigger.ts";

/** Sets up a registered tenant. What fails until the last attempt is recorded and leaves for the poison queue. */
export const provisionTenant = queueTrigger({
  queue: "provision-tenant",
  message: {},
  subject: true,
  handler: async ({ tenant, platform, attempt }) => {
    try {
      await provision(tenant, platform);
    } catch (error) {
      if (attempt >= maxAttempts) await giveUpProvisioning(tenant, platform);
      throw error;
    }
  },
});
app.storageQueue("provisionTenant", provisionTenant);
