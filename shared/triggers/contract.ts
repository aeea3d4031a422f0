import type { HttpHandler, HttpFunctionOptions } from "@azure/functions";
import type { TObject, TSchema } from "@sinclair/typebox";
import type { RequestFacts } from "../auth/authenticate.ts";
import type { CallerWith } from "../auth/caller.ts";
import type { Permission } from "../auth/permissions.ts";
import type { Policy, Reached } from "../auth/policies.ts";
import { DerivedId, Id, prefixes } from "../tenancy/ids.ts";
import { Type } from "@sinclair/typebox";
import type { Remembered, TenantScope } from "../tenancy/scope.ts";
import { fault } from "../validator.ts";
import type { ProblemCode } from "../web/problem.ts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** The route parameters that exist, by name, each with the schema of its value. What does not match does not exist: 404. */
export const routeParameters = {
  tenantId: Id(prefixes.tenant),
  memberId: DerivedId("mbr"),
  templateId: Id(prefixes.template),
  surveyId: Id(prefixes.survey),
  videoId: Id(prefixes.video),
  webhookId: Id(prefixes.webhook),
  keyId: Id(prefixes.apiKey),
  operationId: Id(prefixes.operation),
  accessGrantId: Id(prefixes.accessGrant),
  accessRequestId: Id(prefixes.accessGrant),
  questionId: Type.String({ pattern: "^[a-z][a-z0-9_-]{0,39}$", maxLength: 40 }),
} as const;
export type RouteParameter = keyof typeof routeParameters;

export type ParametersOf<Route extends string> = Route extends `${string}{${infer Name}}${infer Rest}`
  ? (Name extends RouteParameter ? Name : never) | ParametersOf<Rest>
  : never;

/** An answer with headers of its own; a handler without any returns the body alone. */
export class Reply<Body> {
  readonly body: Body;
  readonly headers: { readonly etag?: string; readonly location?: string };
  constructor(body: Body, headers: { readonly etag?: string; readonly location?: string }) {
    this.body = body;
    this.headers = headers;
  }
}

/** What a handler is given: everything about the request, verified and typed. */
export interface Input<P extends Permission, Route extends string, Query, Body, R extends Policy> {
  readonly params: Readonly<Record<ParametersOf<Route>, string>>;
  readonly query: Query;
  readonly body: Body;
  readonly caller: CallerWith<P>;
  /** The thing that the route names, which the caller reaches by the contract's policy. */
  readonly resource: Reached<R>;
  /** The caller's own tenant; only callers who have none get none. */
  readonly tenant: P extends "public" | "invitation:accept" ? undefined : TenantScope;
  /** The version that the caller read; undefined where the resource is to be created. */
  readonly ifMatch: string | undefined;
  readonly facts: RequestFacts;
}

export type DocumentType = "text/html" | "text/csv";

export interface Success {
  readonly status: 200 | 201 | 202 | 204;
  readonly body?: TSchema;
  /** The answer carries the ETag of a versioned resource. */
  readonly etag?: true;
  /** The answer carries the address of what was made or started. */
  readonly location?: true;
  /** The answer is a document for a person, a `Page` or a `Download` of that type; it has no body schema. */
  readonly document?: DocumentType;
}

/** A schema of values of type T. Generic over the type, not the schema: the compiler gives up on the latter. */
export interface Typed<T> extends TSchema {
  readonly static: T;
}

/** What a route that names a thing has to say besides. */
export type PolicyDemand<Route extends string, R extends Policy> = [ParametersOf<Route>] extends [never]
  ? unknown
  : { readonly policy: R };

/** What an operation asks, promises and does. The route is written without the prefix `v1/`. */
export interface Definition<M extends Method, Route extends string, P extends Permission, Q, B, S, R extends Policy> {
  readonly method: M;
  readonly route: Route;
  readonly permission: P;
  /** By which rule the caller reaches what the route names; a route that names a thing reaches nothing without one. */
  readonly policy?: R;
  /** One line for the API document. */
  readonly summary: string;
  readonly description?: string;
  readonly query?: Typed<Q>;
  readonly body?: Typed<B>;
  readonly success: Success & { readonly body?: Typed<S> };
  /** Problems of this operation beside those that any operation can have. */
  readonly errors?: readonly ProblemCode[];
  /** `match`: If-Match is required. `match-or-create`: If-Match, or `If-None-Match: *` to create. */
  readonly precondition?: "match" | "match-or-create";
  /** It gives access to what people recorded: each use is in the tenant's log, once a minute, before it is answered. */
  readonly recorded?: true;
  /** Left out of `/v1`: for `functions/system` only. */
  readonly unversioned?: true;
  readonly handler: (input: Input<P, Route, Q, B, R>) => Promise<S | Reply<S>>;
  /**
   * The first answer again, from what the change remembered. `natural` where repeating the operation is the same as
   * doing it once, because it changes nothing or the resource's own state makes it so.
   */
  readonly repeat?: M extends "POST"
    ? "natural" | ((input: Input<P, Route, Q, B, R>, first: Remembered) => Promise<S | Reply<S>>)
    : never;
}

/** A definition with its generic types erased: what the framework, the API document and the matrix tests read. */
export interface Contract {
  readonly method: Method;
  readonly route: string;
  readonly permission: Permission;
  readonly policy?: Policy;
  readonly summary: string;
  readonly description?: string;
  readonly query?: TObject;
  readonly body?: TSchema;
  readonly success: Success;
  readonly errors: readonly ProblemCode[];
  readonly precondition?: "match" | "match-or-create";
  readonly recorded?: true;
  readonly unversioned?: true;
  readonly handler: (input: AnyInput) => Promise<unknown>;
  readonly repeat?: "natural" | ((input: AnyInput, first: Remembered) => Promise<unknown>);
}

export interface AnyInput {
  readonly params: Readonly<Record<string, string>>;
  readonly query: unknown;
  readonly body: unknown;
  readonly caller: unknown;
  readonly resource: unknown;
  readonly tenant: TenantScope | undefined;
  readonly ifMatch: string | undefined;
  readonly facts: RequestFacts;
}

// The library copies unknown fields of a registration into the binding's metadata, so the contract stays beside it.
const contracts = new WeakMap<HttpHandler, Contract>();

export function rememberContract(handler: HttpHandler, contract: Contract): void {
  contracts.set(handler, contract);
}

/** The contract behind a registration made by `endpoint()`. */
export function contractOf(options: HttpFunctionOptions): Contract | undefined {
  return contracts.get(options.handler);
}

/** The names in a route's braces. */
export function parameterNames(route: string): readonly string[] {
  return [...route.matchAll(/\{(\w+)\}/gu)].map(([, name = ""]) => name);
}

/** The last id that the path names; what is no id could be anything, and stays out of the log. */
export function targetOf({ route }: Contract, params: Readonly<Record<string, string>>): string | undefined {
  return parameterNames(route)
    .filter((name) => fault(routeParameters[name as keyof typeof routeParameters], params[name] ?? "") === undefined)
    .map((name) => params[name])
    .at(-1);
}

/** Problems that any operation with that permission can answer with. */
export function commonErrors(contract: Contract): readonly ProblemCode[] {
  return [
    "invalid_request",
    ...(contract.permission === "public" ? [] : (["unauthenticated", "forbidden", "tenant_suspended"] as const)),
    ...(parameterNames(contract.route).length > 0 ? (["not_found"] as const) : []),
    ...(contract.body === undefined
      ? []
      : (["malformed_json", "empty_body", "body_too_large", "unsupported_media_type"] as const)),
    ...(contract.method === "POST" && contract.repeat !== "natural"
      ? (["idempotency_mismatch", "invalid_idempotency_key", "in_progress"] as const)
      : []),
    ...(contract.permission.startsWith("guest:") ? (["link_expired", "link_replaced"] as const) : []),
    ...(contract.precondition === undefined
      ? []
      : (["precondition_required", "invalid_precondition", "stale"] as const)),
    ...(contract.method === "GET" ? [] : (["conflict"] as const)),
    ...(contract.query !== undefined && "cursor" in contract.query.properties ? (["invalid_cursor"] as const) : []),
    "rate_limited",
    "internal",
    "unavailable",
  ];
}
