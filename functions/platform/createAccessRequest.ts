import { app } from "@azure/functions";
import { NewAccessRequest } from "../../shared/access/accessView.ts";
import { createAccessRequest as create } from "../../shared/access/createAccessRequest.ts";
import { operationKind } from "../../shared/operations/operation.ts";
import { OperationView, operationLocation, operationView } from "../../shared/operations/operationView.ts";
import { Reply } from "../../shared/triggers/contract.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";

/** Asks a tenant to let an operator see one survey for a time. */
export const createAccessRequest = endpoint({
  method: "POST",
  route: "platform/access-requests",
  permission: "access:request",
  summary: "Ask a tenant for access to a survey",
  description:
    "Break-glass: the tenant's owners are told by mail and grant or refuse. The operation's `resultId` names the request; it succeeds once the tenant has it, whether or not there is such a survey.",
  body: NewAccessRequest,
  success: { status: 202, body: OperationView, etag: true, location: true },
  handler: async ({ body, tenant }) => replyOf(await create(tenant, body)),
  repeat: async ({ tenant }, { id = "" }) => replyOf(await tenant.repository.get(operationKind, id)),
});
app.http("createAccessRequest", createAccessRequest);

function replyOf(operation: Awaited<ReturnType<typeof create>>): Reply<OperationView> {
  return new Reply(operationView(operation), { etag: operation.etag, location: operationLocation(operation.id) });
}
