import { app } from "@azure/functions";
import { giveUpRequest, requestAccess as request } from "../../shared/access/requestAccess.ts";
import { DerivedId, Id, prefixes } from "../../shared/tenancy/ids.ts";
import { maxAttempts, queueTrigger } from "../../shared/triggers/queueTrigger.ts";

/**
 * Lays an operator's request for access before the tenant, whose log shows the operator as the one who asks. What fails
 * until the last attempt is recorded and leaves for the poison queue.
 */
export const requestAccess = queueTrigger({
  queue: "request-access",
  message: { accessRequestId: Id(prefixes.accessGrant), operatorId: DerivedId("opr") },
  subject: true,
  actor: ({ operatorId }) => ({ type: "operator", id: operatorId }),
  handler: async ({ message: { accessRequestId }, tenant, platform, attempt }) => {
    try {
      await request(tenant, platform, accessRequestId);
    } catch (error) {
      if (attempt >= maxAttempts) await giveUpRequest(platform, accessRequestId);
      throw error;
    }
  },
});
app.storageQueue("requestAccess", requestAccess);
