import { app } from "@azure/functions";
import { appendLog as append } from "../../shared/log/appendLog.ts";
import { changeFeedTrigger } from "../../shared/triggers/changeFeedTrigger.ts";

/** Orders new facts into their tenants' logs, and sends what follows from them. */
export const appendLog = changeFeedTrigger({ handler: ({ tenant }) => append(tenant) });
app.cosmosDB("appendLog", appendLog);
