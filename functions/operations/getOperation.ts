import { app } from "@azure/functions";
import { OperationView, operationView } from "../../shared/operations/operationView.ts";
import { Reply } from "../../shared/triggers/contract.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";

/** Tells how long work goes: to who started it, to admins and owners, to operators of the platform's own work. */
export const getOperation = endpoint({
  method: "GET",
  route: "operations/{operationId}",
  permission: "operations:read",
  policy: "startedIt",
  summary: "Read the progress of an operation",
  success: { status: 200, body: OperationView, etag: true },
  handler: ({ resource: operation }) => Promise.resolve(new Reply(operationView(operation), { etag: operation.etag })),
});
app.http("getOperation", getOperation);
