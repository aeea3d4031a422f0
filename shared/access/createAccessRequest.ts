import { type Operation, operationKind } from "../operations/operation.ts";
import { newId, prefixes } from "../tenancy/ids.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { registeredTenantKind } from "../tenants/registry.ts";
import { futureUtc } from "../utc.ts";
import { invalidField } from "../web/problem.ts";
import { accessRequestKind, maxRequestMs } from "./accessGrant.ts";
import type { NewAccessRequest } from "./accessView.ts";

/**
 * Asks a tenant for access to one of its surveys, on behalf of an operator. The tenant hears of it by a message; whether
 * there is such a survey is not looked at, here or later, so that nobody learns it without a grant. Throws
 * `invalid_request` for a tenant that the registry does not have and for an end that is too near or too far.
 */
export async function createAccessRequest(
  platform: TenantScope,
  { subjectTenantId, surveyId, reason, until: given }: NewAccessRequest,
): Promise<Entity<Operation>> {
  const until = futureUtc(given, "/until", { ms: maxRequestMs, words: "seven days" });
  if ((await platform.repository.find(registeredTenantKind, subjectTenantId)) === undefined)
    throw invalidField("/subjectTenantId", "unknown", "names nothing to use here");
  const [id, operationId] = [newId(prefixes.accessGrant), newId(prefixes.operation)];
  const operatorId = platform.actor.id;
  const operation: Operation = {
    action: platform.action,
    status: "running",
    progress: 0,
    startedBy: operatorId,
  };
  const request = { subjectTenantId, surveyId, reason, until, operatorId, operationId };
  const committed = await platform
    .change()
    .create(accessRequestKind, id, request)
    .create(operationKind, operationId, operation)
    .remember({ id: operationId })
    .commit({
      target: id,
      commands: [{ queue: "request-access", message: { subjectTenantId, accessRequestId: id, operatorId } }],
    });
  const { at } = committed;
  return { ...operation, id: operationId, createdAt: at, updatedAt: at, etag: committed.etag(operationId) };
}
