import { AsyncLocalStorage } from "node:async_hooks";

/** A request that would have left without, or for another tenant than, the scope it was made in. */
export class TenancyViolation extends Error {
  override readonly name = "TenancyViolation";
}

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
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
}

const counts = { requests: 0, refused: 0 };

/** Document requests that the guard saw, and those that it refused, since the process started. */
export function guardCounts(): { readonly requests: number; readonly refused: number } {
  return { ...counts };
}

/** Resources that describe where items are and hold none. Whatever is neither one of them nor an item is refused. */
const metadata = ["", "dbs", "colls", "pkranges"];

/**
 * Throws {@link TenancyViolation} unless the request names exactly the partition of the scope it was made in and, for a
 * query, carries the tenant predicate with that tenant. Reading the account's and a container's description and query
 * plans carry no tenant data and pass.
 */
export function guard(request: OutgoingRequest): void {
  const { resourceType = "", operationType = "" } = request;
  if (metadata.includes(resourceType) && ["read", "query"].includes(operationType)) return;
  if (isQueryPlan(request)) return;
  counts.requests++;
  const violation =
    resourceType === "docs" ? violationOf(request, current.getStore()) : `unexpected resource ${resourceType}`;
  if (violation === undefined) return;
  counts.refused++;
  throw new TenancyViolation(violation);
}

/** A plan is asked for as a read that is posted, which no read of an item is. */
function isQueryPlan({ method, operationType, headers }: OutgoingRequest): boolean {
  return method === "POST" && operationType === "read" && headers?.["x-ms-cosmos-is-query-plan-request"] !== undefined;
}

function violationOf(request: OutgoingRequest, partition: readonly string[] | undefined): string | undefined {
  if (partition === undefined) return "database request outside a tenant's scope";
  const key = request.headers?.["x-ms-documentdb-partitionkey"];
  if (key !== JSON.stringify(partition)) return "database request for another partition than the scope's";
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
