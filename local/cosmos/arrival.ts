import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { ContainerDefinition } from "./model.ts";
import { hasTenantPredicate, parseQueryRequest } from "./query.ts";
import type { CosmosRequest } from "./request.ts";
import type { RequestRecord, Sender } from "./requestLog.ts";
import { violationOf } from "./violation.ts";

/** What a client that is not the app's ends its user agent with (`userAgentSuffix`). */
export const userAgents: Readonly<Record<Exclude<Sender, "app">, string>> = {
  host: "callpilot-local-host",
  test: "callpilot-test",
};

/** What is recorded of a request before it is carried out. */
export function arrivalOf(
  message: IncomingMessage,
  request: CosmosRequest,
  container: ContainerDefinition | undefined,
): Omit<RequestRecord, "sequence" | "status"> {
  const { operation, databaseId, containerId, partitionKey, id, consistency, body } = request;
  const isQuery = operation === "document.query" || operation === "document.queryPlan";
  const violation = container === undefined ? undefined : violationOf(request, container.partitionKey);
  return {
    operation,
    activityId: activityIdOf(message),
    from: senderOf(message),
    ...(containerId === "" ? {} : { container: `${databaseId}/${containerId}` }),
    ...(partitionKey === undefined ? {} : { partitionKey }),
    ...(id === undefined ? {} : { id }),
    ...(consistency === undefined ? {} : { consistency }),
    ...(isQuery ? { tenantPredicate: tenantPredicate(request) } : {}),
    ...(operation === "document.batch" && Array.isArray(body)
      ? { batch: body.map((entry) => String((entry as { operationType?: unknown } | null)?.operationType)) }
      : {}),
    ...(violation === undefined ? {} : { violation }),
  };
}

/** The client's own, as Azure echoes it; a new one where it sent none. */
function activityIdOf(message: IncomingMessage): string {
  const given = message.headers["x-ms-activity-id"];
  return typeof given === "string" ? given : randomUUID();
}

function senderOf({ headers }: IncomingMessage): Sender {
  const agent = headers["user-agent"] ?? "";
  if (agent.endsWith(userAgents.host)) return "host";
  return agent.endsWith(userAgents.test) ? "test" : "app";
}

function tenantPredicate(request: CosmosRequest): boolean {
  try {
    return hasTenantPredicate(parseQueryRequest(request.body));
  } catch {
    // The query is malformed; its caller is told so by the handler.
    return false;
  }
}
