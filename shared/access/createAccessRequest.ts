import { now } from "../clock.ts";
import { type Operation, operationKind } from "../operations/operation.ts";
import { newId, prefixes } from "../tenancy/ids.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { registeredTenantKind } from "../tenants/registry.ts";
import { utc } from "../utc.ts";
import { Problem } from "../web/problem.ts";
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
  const until = endOf(given);
  if ((await platform.repository.find(registeredTenantKind, subjectTenantId)) === undefined)
    throw invalid("/subjectTenantId", "unknown", "names nothing to use here");
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

function endOf(given: string): string {
  const pointer = "/until";
  const until = utc(given, pointer);
  const time = now().getTime();
  if (until <= new Date(time).toISOString()) throw invalid(pointer, "past", "must be in the future");
  if (until > new Date(time + maxRequestMs).toISOString())
    throw invalid(pointer, "too_late", "must be within seven days");
  return until;
}

function invalid(pointer: string, code: string, message: string): Problem {
  return new Problem("invalid_request", { errors: [{ pointer, code, message }] });
}
