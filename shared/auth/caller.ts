import type { ApiKey, Scope } from "../keys/apiKey.ts";
import type { Link } from "../surveys/link.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { Tenant } from "../tenants/tenant.ts";
import type { MemberRole } from "../members/member.ts";
import type { Permission } from "./permissions.ts";

/** A person of the tenant, with the tenant they are signed in to. */
export interface MemberCaller {
  readonly type: "member";
  readonly id: string;
  readonly role: MemberRole;
  readonly tenant: Entity<Tenant>;
  /** Whether surveys that are not assigned to this member are out of sight. */
  readonly assignedOnly: boolean;
}

/** Another system of the tenant's, with the key that it holds. */
export interface ServiceCaller {
  readonly type: "service";
  readonly id: string;
  readonly key: Entity<ApiKey>;
  readonly tenant: Entity<Tenant>;
  /** Nothing is assigned to a service: it sees all surveys. */
  readonly assignedOnly: false;
}

/** Somebody of the platform: sees tenants and usage, no content. */
export interface OperatorCaller {
  readonly type: "operator";
  readonly id: string;
}

/** An operator whom the tenant has granted to see one survey, for a time. */
export interface SupportCaller {
  readonly type: "support";
  /** The operator's. */
  readonly id: string;
  /** The only survey in sight. */
  readonly surveyId: string;
  readonly tenant: Entity<Tenant>;
  readonly assignedOnly: false;
}

/** Whoever holds a link, for one survey. */
export interface GuestCaller {
  readonly type: "guest";
  readonly id: string;
  readonly surveyId: string;
  readonly link: Entity<Link>;
  readonly tenant: Entity<Tenant>;
}

/** Somebody who is signed in, not yet as anybody's member. */
export interface PersonCaller {
  readonly type: "person";
  readonly issuer: string;
  readonly subject: string;
}

export interface PublicCaller {
  readonly type: "public";
}

export type Caller =
  MemberCaller | ServiceCaller | OperatorCaller | SupportCaller | GuestCaller | PersonCaller | PublicCaller;

/** The callers that can hold a permission: what a handler is given as `caller`. */
export type CallerWith<P extends Permission> = P extends "public"
  ? PublicCaller
  : P extends `guest:${string}`
    ? GuestCaller
    : P extends "invitation:accept"
      ? PersonCaller
      : P extends "tenants:manage" | "access:request"
        ? OperatorCaller
        : P extends "operations:read"
          ? MemberCaller | OperatorCaller
          : P extends "surveys:read" | "videos:read" | "videos:play"
            ? MemberCaller | ServiceCaller | SupportCaller
            : P extends Scope
              ? MemberCaller | ServiceCaller
              : MemberCaller;
