import { app } from "@azure/functions";
import { tellEveryTenant } from "../../shared/tenants/tellEveryTenant.ts";
import { timerTrigger } from "../../shared/triggers/timerTrigger.ts";

/** Asks for a sweep of every tenant there is, and of the platform itself. */
export const sweepVideos = timerTrigger({
  schedule: "0 */5 * * * *",
  handler: ({ platform }) => tellEveryTenant(platform, "sweep-tenant"),
});
app.timer("sweepVideos", sweepVideos);
