import { memberKind } from "../members/member.ts";
import { type Outcome, operationKind, withOutcome } from "../operations/operation.ts";
import type { Command } from "../tenancy/fact.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { accessGrantKind, accessRequestKind } from "./accessGrant.ts";

/** Owners that are told by mail; the others find it in the list. */
const maxMails = 20;

/**
 * Lays an operator's request before the tenant, and tells its owners by mail; then the operation is done. May be repeated
 * after any step; does nothing once all are done.
 */
export async function requestAccess(tenant: TenantScope, platform: TenantScope, requestId: string): Promise<void> {
  const request = await platform.repository.get(accessRequestKind, requestId);
  if ((await tenant.repository.find(accessGrantKind, requestId)) === undefined) {
    const { surveyId, reason, until, operatorId } = request;
    await tenant
      .change()
      .create(accessGrantKind, requestId, { surveyId, reason, until, operatorId, state: "requested" })
      .commit({ target: requestId, commands: await mailsToOwners(tenant, requestId) });
  }
  await finish(platform, request.operationId, { status: "succeeded", progress: 1, resultId: requestId });
}

/** Says that the tenant could not be reached, so that nobody waits for its answer. */
export async function giveUpRequest(platform: TenantScope, requestId: string): Promise<void> {
  const { operationId } = await platform.repository.get(accessRequestKind, requestId);
  const detail = "The request could not be laid before the tenant";
  await finish(platform, operationId, { status: "failed", progress: 0, failure: { code: "internal", detail } });
}

async function finish(platform: TenantScope, operationId: string, outcome: Outcome): Promise<void> {
  const operation = await platform.repository.get(operationKind, operationId);
  if (operation.status !== "running") return;
  await platform
    .change()
    .replace(operationKind, operation, withOutcome(operation, outcome))
    .commit({ target: operationId });
}

async function mailsToOwners(tenant: TenantScope, id: string): Promise<readonly Command[]> {
  const { items } = await tenant.repository.list(memberKind, { where: { role: "owner" }, limit: 100 });
  return items
    .filter(({ status }) => status === "active")
    .slice(0, maxMails)
    .map((owner) => ({ queue: "send-mail", message: { template: "access_request", id, memberId: owner.id } }));
}
