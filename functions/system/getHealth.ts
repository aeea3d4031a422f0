import { app } from "@azure/functions";
import { Choice, closed } from "../../shared/schema.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";

/** Tells that the process is alive; says nothing about its dependencies, whose outage must not recycle instances. */
export const getHealth = endpoint({
  method: "GET",
  route: "health",
  unversioned: true,
  permission: "public",
  summary: "Liveness",
  success: { status: 200, body: closed({ status: Choice(["alive"]) }) },
  handler: () => Promise.resolve({ status: "alive" }),
});
app.http("getHealth", getHealth);
