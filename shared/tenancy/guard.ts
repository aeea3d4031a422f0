import { AsyncLocalStorage } from "node:async_hooks";
import { type Boundary, TenancyViolation, currentBoundary } from "./boundary.ts";

const keyHeader = "x-ms-documentdb-partitionkey";

const current = new AsyncLocalStorage<readonly [tenantId: string, ...levels: string[]]>();

/** Runs one database call for a full partition key. Only this folder calls it; no call leaves without it. */
export function within<T>(
  partition: readonly [tenantId: string, ...levels: string[]],
  call: () => Promise<T>,
): Promise<T> {
  return current.run(partition, call);
}

/** What the guard looks at of an outgoing request; the client's plugin hook passes it. */
export interface OutgoingRequest {
  readonly method?: string;
  readonly resourceType?: string;
  readonly operationType?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
}

const counts = { requests: 0, refused: 0 };

/** Document requests that the guard saw, and those that it refused, since the process started. */
export function guardCountsForTests(): { readonly requests: number; readonly refused: number } {
  return { ...counts };
}

/** Resources that describe where items are and hold none. Whatever is neither one of them nor an item is refused. */
const metadata: readonly unknown[] = ["", "dbs", "colls", "pkranges"];
const readings: readonly unknown[] = ["read", "query"];

/**
 * Throws {@link TenancyViolation} unless the request is for a tenant that its boundary admitted, names exactly the
 * partition of the scope it was made in and, for a query, carries the tenant predicate with that tenant. Reading the
 * account's and a container's description and query plans carry no tenant data and pass.
 */
export function guard(request: OutgoingRequest): void {
  const { resourceType, operationType } = request;
  if (metadata.includes(resourceType) && readings.includes(operationType)) return;
  if (isQueryPlan(request)) return;
  const boundary = currentBoundary();
  const counters = [counts, ...(boundary === undefined ? [] : [boundary.counts])];
  for (const counter of counters) counter.requests++;
  const violation =
    resourceType === "docs"
      ? (boundaryViolation(request, boundary) ?? partitionViolation(request, current.getStore()))
      : `unexpected resource ${String(resourceType)}`;
  if (violation === undefined) return;
  for (const counter of counters) counter.refused++;
  throw new TenancyViolation(violation);
}

/** A plan is asked for as a read that is posted, which no read of an item is. */
function isQueryPlan({ method, operationType, headers }: OutgoingRequest): boolean {
  return method === "POST" && operationType === "read" && headers?.["x-ms-cosmos-is-query-plan-request"] !== undefined;
}

/** Compares with what the credential or the message said, whatever scope or repository was made since. */
function boundaryViolation(request: OutgoingRequest, boundary: Boundary | undefined): string | undefined {
  if (boundary === undefined) return "database request outside of any boundary";
  const tenantId = tenantOf(request);
  const { lookup, admitted } = boundary;
  if (lookup === undefined) return admitted.has(tenantId) ? undefined : "database request for a tenant not admitted";
  const isLookup = tenantId === lookup.tenantId && request.path?.endsWith(`/docs/${lookup.id}`) === true;
  return isLookup && request.operationType === "read" ? undefined : "more than a credential's lookup";
}

function tenantOf(request: OutgoingRequest): string {
  const [tenantId] = parsed(request.headers?.[keyHeader] ?? "[]") as readonly unknown[];
  return typeof tenantId === "string" ? tenantId : "";
}

/** Compares with the partition that the scope's own call was made for. */
function partitionViolation(request: OutgoingRequest, partition: readonly string[] | undefined): string | undefined {
  if (partition === undefined) return "database request outside a tenant's scope";
  if (request.headers?.[keyHeader] !== JSON.stringify(partition))
    return "database request for another partition than the scope's";
  const body = parsed(request.body);
  switch (request.operationType) {
    case "query":
      return isScopedQuery(body, partition[0]) ? undefined : "query without the tenant predicate";
    case "batch":
      return Array.isArray(body) && body.every((operation) => operationFits(operation, partition))
        ? undefined
        : "batch operation for another tenant";
    case "create":
    case "replace":
    case "upsert":
      return bodyFits(body, partition[0]) ? undefined : "item of another tenant";
    case "read":
    case "delete":
    case "patch":
      return undefined;
    default:
      return `unexpected operation ${String(request.operationType)}`;
  }
}

/** The predicate that every query carries, as the repository writes it. */
export const tenantPredicate = "c.tenantId = @tenantId";

function isScopedQuery(body: unknown, tenantId: string | undefined): boolean {
  const { query, parameters = [] } = (body ?? {}) as {
    query?: unknown;
    parameters?: readonly { name?: unknown; value?: unknown }[];
  };
  if (typeof query !== "string") return false;
  const head = /^SELECT [A-Z\d *]+ FROM c WHERE /u.exec(query)?.[0];
  const tenants = parameters.filter(({ name }) => name === "@tenantId");
  return (
    head !== undefined &&
    query.startsWith(`${tenantPredicate} AND `, head.length) &&
    tenants.length === 1 &&
    tenants[0]?.value === tenantId
  );
}

function operationFits(operation: unknown, partition: readonly string[]): boolean {
  const { partitionKey, resourceBody, operationType } = (operation ?? {}) as {
    partitionKey?: unknown;
    resourceBody?: unknown;
    operationType?: unknown;
  };
  if (partitionKey !== undefined && partitionKey !== JSON.stringify(partition)) return false;
  const carriesItem = operationType === "Create" || operationType === "Replace" || operationType === "Upsert";
  return !carriesItem || bodyFits(resourceBody, partition[0]);
}

function bodyFits(body: unknown, tenantId: string | undefined): boolean {
  return (parsed(body) as { tenantId?: unknown } | undefined)?.tenantId === tenantId;
}

function parsed(body: unknown): unknown {
  return typeof body === "string" ? (JSON.parse(body) as unknown) : body;
}
