import { app } from "@azure/functions";
import { now } from "../../shared/clock.ts";
import { Month } from "../../shared/log/auditView.ts";
import { Seals, listSeals as list } from "../../shared/log/listSeals.ts";
import { closed, optional } from "../../shared/schema.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";

/** The signed ends of the tenant's log, by which a later change of it shows. */
export const listSeals = endpoint({
  method: "GET",
  route: "audit/seals",
  permission: "audit:read",
  summary: "List the seals of a month",
  description:
    'Made every night. A seal is a PS256 signature of the JSON array `["callpilot-log-seal", v, tenantId, kind, month, sequence, hash, at]`. The keys are here for convenience: believe those that you were given beforehand.',
  query: closed({ month: optional(Month) }),
  success: { status: 200, body: Seals },
  handler: ({ query, tenant }) => list(tenant, query.month ?? now().toISOString().slice(0, 7)),
});
app.http("listSeals", listSeals);
