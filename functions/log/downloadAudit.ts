import { app } from "@azure/functions";
import { Month } from "../../shared/log/auditView.ts";
import { downloadAudit as download } from "../../shared/log/downloadAudit.ts";
import { Sequence } from "../../shared/log/eventView.ts";
import { closed, optional } from "../../shared/schema.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";

/** A month of the audit as a table for people. */
export const downloadAudit = endpoint({
  method: "GET",
  route: "audit/download",
  permission: "audit:read",
  summary: "Download a month of the audit",
  description:
    'CSV, oldest first. At most 10,000 entries: the header `Link` with `rel="next"` tells where a longer month goes on. A month without entries is a table without rows.',
  query: closed({ month: Month, after: optional(Sequence) }),
  success: { status: 200, document: "text/csv" },
  handler: ({ query: { month, after }, tenant }) => download(tenant, month, after ?? 0),
});
app.http("downloadAudit", downloadAudit);
