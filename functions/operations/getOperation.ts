import { app } from "@azure/functions";
import { operationKind } from "../../shared/operations/operation.ts";
import { OperationView, operationView } from "../../shared/operations/operationView.ts";
import { Reply } from "../../shared/triggers/contract.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";
import { Problem } from "../../shared/web/problem.ts";

/** Tells how long work goes: to who started it, to admins and owners, to operators of the platform's own work. */
export const getOperation = endpoint({
  method: "GET",
  route: "operations/{operationId}",
  permission: "operations:read",
  summary: "Read the progress of an operation",
  success: { status: 200, body: OperationView, etag: true },
  handler: async ({ params, caller, tenant }) => {
    const operation = await tenant.repository.get(operationKind, params.operationId);
    const seesAll = caller.type === "operator" || caller.role === "owner" || caller.role === "admin";
    if (!seesAll && operation.startedBy !== caller.id) throw new Problem("not_found");
    return new Reply(operationView(operation), { etag: operation.etag });
  },
});
app.http("getOperation", getOperation);
