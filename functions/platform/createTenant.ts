import { app } from "@azure/functions";
import { operationKind } from "../../shared/operations/operation.ts";
import { OperationView, operationLocation, operationView } from "../../shared/operations/operationView.ts";
import { Choice, Email, Name, closed } from "../../shared/schema.ts";
import { registerTenant } from "../../shared/tenants/registerTenant.ts";
import { plans } from "../../shared/tenants/tenant.ts";
import { Reply } from "../../shared/triggers/contract.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";

/** Starts a new tenant; its owner is invited by mail once it is there. */
export const createTenant = endpoint({
  method: "POST",
  route: "platform/tenants",
  permission: "tenants:manage",
  summary: "Create a tenant",
  body: closed({ name: Name, ownerEmail: Email, plan: Choice(plans) }),
  success: { status: 202, body: OperationView, etag: true, location: true },
  errors: ["name_taken"],
  handler: async ({ body, tenant }) => replyOf(await registerTenant(tenant, body)),
  repeat: async ({ tenant }, { id = "" }) => replyOf(await tenant.repository.get(operationKind, id)),
});
app.http("createTenant", createTenant);

function replyOf(operation: Awaited<ReturnType<typeof registerTenant>>): Reply<OperationView> {
  return new Reply(operationView(operation), { etag: operation.etag, location: operationLocation(operation.id) });
}
