import { app } from "@azure/functions";
import { Choice, Line, List, closed } from "../../shared/schema.ts";
import { Type } from "@sinclair/typebox";
import { readiness } from "../../shared/system/readiness.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";
import { Problem } from "../../shared/web/problem.ts";

/** Tells whether everything answers that this instance depends on; a slot is warm once it does. */
export const getReadiness = endpoint({
  method: "GET",
  route: "health/ready",
  unversioned: true,
  permission: "public",
  summary: "Readiness",
  success: {
    status: 200,
    body: closed({ status: Choice(["ready"]), checks: List(closed({ name: Line(40), ok: Type.Boolean() }), 20) }),
  },
  handler: async () => {
    const found = await readiness();
    const checks = found.map(({ name, ok }) => ({ name, ok }));
    const reasons = found.flatMap(({ reason }) => reason ?? []);
    if (reasons.length === 0) return { status: "ready" as const, checks };
    throw new Problem("unavailable", {
      detail: `No answer from: ${reasons.map(({ code }) => code).join(", ")}`,
      more: { checks },
      retryAfter: 2,
      cause: new AggregateError(reasons),
    });
  },
});
app.http("getReadiness", getReadiness);
