import { createHash, createHmac } from "node:crypto";
import { Value } from "@sinclair/typebox/value";
import { type Authenticated, type RequestFacts, authenticate, authorize } from "../auth/authenticate.ts";
import type { Caller } from "../auth/caller.ts";
import { policies } from "../auth/policies.ts";
import { config } from "../config.ts";
import { recordOnce } from "../log/recordOnce.ts";
import { secrets } from "../protection/secrets.ts";
import { boundary, openBoundary } from "../tenancy/boundary.ts";
import { derivedId } from "../tenancy/ids.ts";
import { type Idempotency, IdempotencyConflict, type TenantScope, idempotencyKind } from "../tenancy/scope.ts";
import { fault, valid } from "../validator.ts";
import { corsHeaders, securityHeaders } from "../web/headers.ts";
import { toJson } from "../web/json.ts";
import { Download, attachment } from "../web/download.ts";
import { Page } from "../web/page.ts";
import { Problem, isProblem, problemBody } from "../web/problem.ts";
import {
  type AnyInput,
  type Contract,
  type DocumentType,
  Reply,
  commonErrors,
  parameterNames,
  routeParameters,
  targetOf,
} from "./contract.ts";
import { clientAddress } from "./clientAddress.ts";
import { entityTag, matchesNone, storedVersion } from "./entityTag.ts";
import { type Log, databaseFields, errorFields } from "./logLine.ts";
import { countRequest, limitAddress } from "./rateLimit.ts";
import { recordDenial } from "./recordDenial.ts";
import { requestIdOf } from "./requestId.ts";
import { type RawBody, parseBody, readBody, refuseBody } from "./requestBody.ts";
import { queryOf } from "./requestQuery.ts";

/** An HTTP request as plain data, so that the whole way of a request can be run without a host. */
export interface PlainRequest {
  /** Name of the function, which is the operation's id. */
  readonly operation: string;
  readonly url: string;
  readonly params: Readonly<Record<string, string>>;
  readonly headers: { get(name: string): string | null };
  readonly body: RawBody["stream"];
  readonly log: Log;
}

export interface PlainResponse {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body?: string;
}

/**
 * The way of every request, inside a boundary of its own, in this order: correlation id, address limit, credential, rate
 * limits, permission, body, contract, policy, handler, answer. Never throws: a {@link Problem} is rendered, anything else
 * is logged and becomes `internal`.
 */
export function handleRequest(contract: Contract, request: PlainRequest): Promise<PlainResponse> {
  const requestId = requestIdOf(request.headers.get("x-request-id"));
  return openBoundary(requestId, () => handle(contract, request, requestId));
}

async function handle(contract: Contract, request: PlainRequest, requestId: string): Promise<PlainResponse> {
  const started = performance.now();
  const trail: Trail = { headers: {} };
  let response: PlainResponse;
  let failure: Problem | undefined;
  try {
    response = await answer(contract, request, requestId, trail);
  } catch (error) {
    failure = problemOf(error, contract, request.log, requestId);
    response = problemResponse(failure, requestId);
    await recordDenial(contract, request.params, trail.scope, failure, request.log);
  }
  const tenantId = trail.scope?.tenantId;
  // Whose link, invitation or grant it was shows on the way only.
  const subjectTenantId = [...boundary().admitted].find((admitted) => admitted !== tenantId);
  const traceId = /^[0-9a-f]{2}-([0-9a-f]{32})-/u.exec(request.headers.get("traceparent") ?? "")?.[1];
  request.log(response.status >= 500 ? "error" : "info", {
    event: "request",
    method: contract.method,
    status: response.status,
    milliseconds: Math.round(performance.now() - started),
    requestId,
    ...databaseFields(),
    ...(traceId !== undefined && { traceId }),
    ...(failure !== undefined && { code: failure.code }),
    ...(trail.scope !== undefined && { caller: trail.scope.actor.id }),
    ...(tenantId !== undefined && { tenantId }),
    ...(subjectTenantId !== undefined && { subjectTenantId }),
  });
  return {
    ...response,
    headers: {
      ...securityHeaders,
      ...corsHeaders(request.headers.get("origin") ?? undefined, config().api.corsOrigins),
      ...trail.headers,
      ...response.headers,
      "x-request-id": requestId,
    },
  };
}

/** What is known once a request is under way, also when it fails later. */
interface Trail {
  headers: Record<string, string>;
  /** Of whoever calls, from when they are known: before it is decided whether they may. */
  scope?: TenantScope;
}

async function answer(
  contract: Contract,
  request: PlainRequest,
  requestId: string,
  trail: Trail,
): Promise<PlainResponse> {
  const address = clientAddress(request.headers.get("x-forwarded-for"));
  await limitAddress(address);
  // The system's own operations change nothing, and say how the app is even while the vault does not answer.
  const source = contract.unversioned === true ? {} : { source: await addressHash(address) };
  const facts: RequestFacts = { action: request.operation, requestId, ...source };
  const authenticated = await authenticate(bearerOf(request), contract.permission, facts);
  const known = authenticated.open?.();
  if (known !== undefined) trail.scope = known;
  const { headers, refusal } = await countRequest(authenticated, address);
  trail.headers = headers;
  if (refusal !== undefined) throw refusal;
  authorize(authenticated.caller, contract.permission);
  const params = validParameters(contract, request);
  const bytes = await bytesOf(contract, request);
  const body =
    contract.body === undefined
      ? undefined
      : valid(contract.body, parseBody(request.headers.get("content-type") ?? undefined, bytes));
  const idempotency = idempotencyOf(contract, request, authenticated, bytes);
  const scope = authenticated.open?.(idempotency);
  const asked: Omit<AnyInput, "resource"> = {
    params,
    query: queryOf(contract.query, request.url),
    body,
    caller: authenticated.caller,
    tenant: scope,
    ifMatch: preconditionOf(contract, request),
    facts,
  };
  const first = scope && idempotency && (await firstEffect(scope, idempotency));
  // Read after the record, and again for a repeat that lost to its first: what it shows is what the first one left.
  const reach = async (): Promise<AnyInput> => ({
    ...asked,
    resource: await reached(contract, authenticated.caller, scope, params),
  });
  const input = await reach();
  if (first !== undefined) return replay(contract, request, input, first);
  try {
    const result = await contract.handler(input);
    if (scope !== undefined) await recordUse(contract, authenticated.caller, scope, params);
    return render(contract, request, result);
  } catch (error) {
    // A repeat that runs beside the first request can fail at the record, or already at what the first one changed.
    const repeated = error instanceof IdempotencyConflict;
    if (scope === undefined || idempotency === undefined || !(repeated || (isProblem(error) && error.status < 500)))
      throw error;
    const other = await firstEffect(scope, idempotency);
    if (other !== undefined) return replay(contract, request, await reach(), other);
    throw repeated ? new Problem("in_progress", { retryAfter: 1 }) : error;
  }
}

/** What the route names, by the contract's policy. Without a policy, a route that names anything reaches nothing. */
async function reached(
  { policy, route }: Contract,
  caller: Caller,
  scope: TenantScope | undefined,
  params: AnyInput["params"],
): Promise<unknown> {
  if (policy !== undefined && scope !== undefined) return await policies[policy](scope, caller, params);
  if (parameterNames(route).length > 0) throw new Problem("not_found");
  return undefined;
}

/** What gives access to recordings, and all that an operator sees by a tenant's grant, is in its log before it is answered. */
async function recordUse(
  contract: Contract,
  caller: Caller,
  scope: TenantScope,
  params: Readonly<Record<string, string>>,
): Promise<void> {
  const isSupport = caller.type === "support";
  if (contract.recorded !== true && !isSupport) return;
  const whole = isSupport ? caller.surveyId : scope.tenantId;
  await recordOnce(scope, { target: targetOf(contract, params) ?? whole });
}

async function replay(
  contract: Contract,
  request: PlainRequest,
  input: AnyInput,
  first: Readonly<Record<string, string>>,
): Promise<PlainResponse> {
  if (typeof contract.repeat !== "function") throw new TypeError("an operation without a repeat has no first effect");
  const response = render(contract, request, await contract.repeat(input, first));
  return { ...response, headers: { ...response.headers, "idempotent-replayed": "true" } };
}

async function firstEffect(
  scope: TenantScope,
  { id, body }: Idempotency,
): Promise<Readonly<Record<string, string>> | undefined> {
  const record = await scope.repository.find(idempotencyKind, id);
  if (record === undefined) return undefined;
  if (record.body !== body) throw new Problem("idempotency_mismatch");
  return record.result;
}

function render(contract: Contract, request: PlainRequest, result: unknown): PlainResponse {
  const { status, body: schema, document } = contract.success;
  if (document !== undefined) return renderDocument(status, document, result);
  const reply: Reply<unknown> = result instanceof Reply ? result : new Reply(result, {});
  const { body: value, headers } = reply;
  const location = headers.location === undefined ? {} : { location: `${config().api.publicUrl}${headers.location}` };
  if (schema === undefined) return { status, headers: location };
  // Only what the contract names leaves, whatever the stored item holds.
  const shaped = Value.Clean(schema, structuredClone(value));
  const wrong = fault(schema, shaped);
  if (wrong !== undefined) throw new TypeError(`the answer breaks its contract at ${wrong.pointer}: ${wrong.message}`);
  const body = toJson(shaped);
  const etag = headers.etag === undefined ? {} : { etag: entityTag(headers.etag, body) };
  const known = request.headers.get("if-none-match");
  if (contract.method === "GET" && etag.etag !== undefined && known !== null && matchesNone(known, etag.etag))
    return { status: 304, headers: etag };
  return { status, headers: { "content-type": "application/json; charset=utf-8", ...etag, ...location }, body };
}

function renderDocument(status: number, type: DocumentType, result: unknown): PlainResponse {
  const document = type === "text/html" ? pageOf(result) : downloadOf(result);
  return { status, ...document, headers: { "content-type": `${type}; charset=utf-8`, ...document.headers } };
}

function pageOf(result: unknown): Pick<PlainResponse, "headers" | "body"> {
  if (!(result instanceof Page)) throw new TypeError("the answer breaks its contract: it is no page");
  return { headers: { "content-security-policy": result.policy }, body: result.markup };
}

function downloadOf(result: unknown): Pick<PlainResponse, "headers" | "body"> {
  if (!(result instanceof Download)) throw new TypeError("the answer breaks its contract: it is no download");
  const { fileName, next, content } = result;
  const link = next === undefined ? {} : { link: `<${config().api.publicUrl}${next}>; rel="next"` };
  return { headers: { "content-disposition": attachment(fileName), ...link }, body: content };
}

/** Errors, by name, that say that a service which we depend on does not answer. */
const outages: readonly string[] = [
  "AuthenticationRequiredError",
  "CredentialUnavailableError",
  "IdentityUnavailable",
  "KeyRingUnavailable",
  "WrappingKeyTooSmall",
  "SecretUnavailable",
  "StorageUnavailable",
  "VaultUnavailable",
  "RestError",
];

function problemOf(thrown: unknown, contract: Contract, log: Log, requestId: string): Problem {
  const outage = thrown instanceof Error && outages.includes(thrown.name);
  const error = outage ? new Problem("unavailable", { retryAfter: 2, cause: thrown }) : thrown;
  if (!isProblem(error)) {
    log("error", { event: "unexpected_error", requestId, ...errorFields(error) });
    return new Problem("internal");
  }
  if (!contract.errors.includes(error.code) && !commonErrors(contract).includes(error.code))
    log("error", { event: "undeclared_problem", requestId, code: error.code });
  if (error.status >= 500)
    for (const cause of causesOf(error)) log("error", { event: "failed", requestId, ...errorFields(cause) });
  return error;
}

function causesOf({ cause }: Problem): readonly unknown[] {
  return cause instanceof AggregateError ? cause.errors : [cause];
}

/** The answer for a problem, without the headers that every answer has. */
export function problemResponse(problem: Problem, requestId: string): PlainResponse {
  const { retryAfter } = problem.details;
  return {
    status: problem.status,
    headers: {
      "content-type": "application/problem+json; charset=utf-8",
      ...(problem.status === 401 && { "www-authenticate": "Bearer" }),
      ...(retryAfter !== undefined && { "retry-after": String(retryAfter) }),
    },
    body: toJson(problemBody(problem, requestId)),
  };
}

/** Tells two addresses apart in the log without keeping either. */
async function addressHash(address: string): Promise<string> {
  return await secrets.use("address-hash-key", (key) =>
    Promise.resolve(createHmac("sha256", key).update(address).digest("hex").slice(0, 32)),
  );
}

function bearerOf(request: PlainRequest): string | undefined {
  return /^Bearer ([\w.~+/=-]{16,8192})$/iu.exec(request.headers.get("authorization") ?? "")?.[1];
}

async function bytesOf(contract: Contract, request: PlainRequest): Promise<Buffer> {
  const raw: RawBody = {
    contentEncoding: request.headers.get("content-encoding") ?? undefined,
    contentLength: request.headers.get("content-length") ?? undefined,
    stream: request.body,
  };
  if (contract.body !== undefined) return await readBody(raw);
  await refuseBody(raw);
  return Buffer.alloc(0);
}

function validParameters(contract: Contract, request: PlainRequest): Record<string, string> {
  const names = parameterNames(contract.route);
  const entries = names.map((name) => [name, request.params[name] ?? ""] as const);
  for (const [name, value] of entries)
    if (fault(routeParameters[name as keyof typeof routeParameters], value) !== undefined)
      throw new Problem("not_found");
  return Object.fromEntries(entries);
}

function preconditionOf(contract: Contract, request: PlainRequest): string | undefined {
  if (contract.precondition === undefined) return undefined;
  const match = request.headers.get("if-match");
  if (match !== null) return storedVersion(match);
  const none = request.headers.get("if-none-match");
  if (contract.precondition === "match-or-create" && none !== null) {
    if (none.trim() === "*") return undefined;
    throw new Problem("invalid_precondition", { detail: "If-None-Match takes * here, to create" });
  }
  const detail = contract.precondition === "match" ? "Send If-Match" : "Send If-Match, or If-None-Match: * to create";
  throw new Problem("precondition_required", { detail });
}

function idempotencyOf(
  contract: Contract,
  request: PlainRequest,
  { holder }: Authenticated,
  bytes: Buffer,
): Idempotency | undefined {
  const key = request.headers.get("idempotency-key");
  if (typeof contract.repeat !== "function" || key === null) return undefined;
  if (!/^[\x21-\x7e]{1,255}$/u.test(key)) throw new Problem("invalid_idempotency_key");
  const { pathname } = new URL(request.url);
  return {
    id: derivedId("idem", holder, request.operation, key),
    body: createHash("sha256").update(`${pathname}\n`).update(bytes).digest("hex"),
  };
}
