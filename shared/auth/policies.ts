import { accessRequestKind } from "../access/accessGrant.ts";
import { operationKind } from "../operations/operation.ts";
import { visibleSurvey } from "../surveys/access.ts";
import { guestSurvey } from "../surveys/guestAccess.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { videoOf } from "../videos/videoOf.ts";
import { Problem } from "../web/problem.ts";
import type { Caller } from "./caller.ts";

type Parameters = Readonly<Record<string, string>>;

/**
 * The closed list of rules for which things of their tenant a caller reaches by a route that names one. Each gives the
 * thing, or throws `not_found` alike for what is not there and what is not theirs, and for callers that it does not know.
 */
export const policies = {
  /** Every member and service key with the permission; what the route names is looked for in the tenant. */
  wholeTenant: (_tenant: TenantScope, caller: Caller) =>
    caller.type === "member" || caller.type === "service" ? Promise.resolve() : unknown(),

  /** A survey and what belongs to it: surveyors reach those assigned to them, support the one that it was granted. */
  assigned: (tenant: TenantScope, caller: Caller, { surveyId = "" }: Parameters) =>
    caller.type === "member" || caller.type === "service" || caller.type === "support"
      ? visibleSurvey(tenant, caller, surveyId)
      : unknown(),

  /** An operator's own request for access, of the platform. */
  askedFor: async (platform: TenantScope, caller: Caller, { accessRequestId = "" }: Parameters) => {
    if (caller.type !== "operator") return unknown();
    const request = await platform.repository.get(accessRequestKind, accessRequestId);
    return request.operatorId === caller.id ? request : unknown();
  },

  /** Long work: who started it, owners and admins, and operators the platform's. */
  startedIt: async (tenant: TenantScope, caller: Caller, { operationId = "" }: Parameters) => {
    if (caller.type !== "member" && caller.type !== "operator") return unknown();
    const operation = await tenant.repository.get(operationKind, operationId);
    const seesAll = caller.type === "operator" || caller.role === "owner" || caller.role === "admin";
    return seesAll || operation.startedBy === caller.id ? operation : unknown();
  },

  /** The survey of a guest's own link. */
  ownLink: (tenant: TenantScope, caller: Caller) => (caller.type === "guest" ? guestSurvey(tenant, caller) : unknown()),

  /** A video of the survey of a guest's own link. */
  ownVideo: (tenant: TenantScope, caller: Caller, { videoId = "" }: Parameters) =>
    caller.type === "guest" ? videoOf(tenant, caller.surveyId, videoId) : unknown(),
} as const satisfies Record<string, (tenant: TenantScope, caller: Caller, parameters: Parameters) => Promise<unknown>>;

export type Policy = keyof typeof policies;

/** What a policy gives: the thing that the route names. */
export type Reached<P extends Policy> = Awaited<ReturnType<(typeof policies)[P]>>;

function unknown(): never {
  throw new Problem("not_found");
}
