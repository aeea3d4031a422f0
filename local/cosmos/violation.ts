import type { PartitionKeyDefinition } from "./model.ts";
import { hasTenantPredicate, parseQueryRequest, requiredValue } from "./query.ts";
import type { CosmosRequest } from "./request.ts";

/**
 * What is wrong with a request for documents by the rule that the app is held to: it names the full partition key, a query
 * keeps every row within that key's tenant by itself, and whatever is written says that it is that tenant's. Undefined where
 * nothing is. The server carries such a request out all the same, as Azure does.
 */
export function violationOf(request: CosmosRequest, { paths }: PartitionKeyDefinition): string | undefined {
  if (!request.operation.startsWith("document.") || request.operation === "document.queryPlan") return undefined;
  const key = listed(request.partitionKey);
  if (key.length !== paths.length || !key.every((level) => typeof level === "string"))
    return "not the container's full partition key";
  const [tenantId] = key;
  switch (request.operation) {
    case "document.query":
      return isWithin(request, tenantId) ? undefined : "query that is not held to the partition's tenant";
    case "document.create":
    case "document.upsert":
    case "document.replace":
      return tenantOf(request.body) === tenantId ? undefined : "item of another tenant than the partition's";
    case "document.batch":
      return operationsOf(request.body).every((operation) => fits(operation, request.partitionKey, tenantId))
        ? undefined
        : "batch with an item of another tenant than the partition's";
    case "document.list":
    case "document.changeFeed":
      return "read of a whole partition";
    default:
      return undefined;
  }
}

function listed(partitionKey: string | undefined): readonly unknown[] {
  try {
    const values: unknown = JSON.parse(partitionKey ?? "[]");
    return Array.isArray(values) ? values : [];
  } catch {
    return [];
  }
}

function isWithin(request: CosmosRequest, tenantId: unknown): boolean {
  try {
    const query = parseQueryRequest(request.body);
    return hasTenantPredicate(query) && requiredValue(query, "/tenantId") === tenantId;
  } catch {
    return false;
  }
}

const tenantOf = (body: unknown): unknown => (body as { tenantId?: unknown } | null)?.tenantId;

interface BatchOperation {
  readonly operationType?: unknown;
  readonly partitionKey?: string;
  readonly resourceBody?: unknown;
}

function operationsOf(body: unknown): readonly BatchOperation[] {
  return Array.isArray(body) ? (body as readonly BatchOperation[]) : [];
}

const writes: readonly unknown[] = ["Create", "Upsert", "Replace"];

function fits(
  { operationType, partitionKey, resourceBody }: BatchOperation,
  whole: string | undefined,
  tenantId: unknown,
): boolean {
  if (partitionKey !== undefined && partitionKey !== whole) return false;
  return !writes.includes(operationType) || tenantOf(resourceBody) === tenantId;
}
