import { app } from "@azure/functions";
import { Type } from "@sinclair/typebox";
import { EventView, Sequence } from "../../shared/log/eventView.ts";
import { listEvents as list } from "../../shared/log/listEvents.ts";
import { Choice, List, closed, optional, paging } from "../../shared/schema.ts";
import { eventTypes } from "../../shared/tenancy/fact.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";

/** The tenant's events in the order of its log, without gaps: whoever asks with the last `nextAfter` misses none. */
export const listEvents = endpoint({
  method: "GET",
  route: "events",
  permission: "events:read",
  summary: "List events",
  description: "A page may have fewer events than `limit`, or none: go on with `nextAfter` while `more` is true.",
  query: closed({
    after: optional(Sequence),
    types: optional(List(Choice(eventTypes), eventTypes.length, 1)),
    limit: paging.limit,
  }),
  success: {
    status: 200,
    body: closed({
      items: List(EventView, 100),
      nextAfter: Sequence,
      more: Type.Boolean({ description: "Whether the log goes on behind nextAfter" }),
    }),
  },
  handler: ({ query, tenant }) => list(tenant, query),
});
app.http("listEvents", listEvents);
