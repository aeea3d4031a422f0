import { app } from "@azure/functions";
import { ActorId, AuditEntry, TargetId } from "../../shared/log/auditView.ts";
import { listAudit as list } from "../../shared/log/listAudit.ts";
import { PageOf, Time, closed, optional, paging } from "../../shared/schema.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";
import { utc } from "../../shared/utc.ts";

/** Who did what: the tenant's log, refusals and granted reading included, newest first. */
export const listAudit = endpoint({
  method: "GET",
  route: "audit",
  permission: "audit:read",
  summary: "List the audit",
  description:
    "A page may have fewer entries than `limit`, or none: go on while there is a `nextCursor`. Each entry's `hash` is the SHA-256 of its stored form, which holds the `prevHash` of the entry before.",
  query: closed({
    actor: optional(ActorId),
    target: optional(TargetId),
    from: optional(Time),
    to: optional(Time),
    ...paging,
  }),
  success: { status: 200, body: PageOf(AuditEntry) },
  handler: ({ query: { actor, target, from, to, ...page }, tenant }) =>
    list(
      tenant,
      {
        actor,
        target,
        from: from === undefined ? undefined : utc(from, "/from"),
        to: to === undefined ? undefined : utc(to, "/to"),
      },
      page,
    ),
});
app.http("listAudit", listAudit);
