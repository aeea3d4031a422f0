import { app } from "@azure/functions";
import { tellEveryTenant } from "../../shared/tenants/tellEveryTenant.ts";
import { timerTrigger } from "../../shared/triggers/timerTrigger.ts";

/** Asks every night for the seal of every tenant's log, and of the platform's own. */
export const sealLogs = timerTrigger({
  schedule: "0 30 1 * * *",
  handler: ({ platform }) => tellEveryTenant(platform, "seal-log"),
});
app.timer("sealLogs", sealLogs);
