import { badRequest, CosmosError } from "./errors.ts";
import { type Equality, type ParsedQuery, parseQuery, type SortKey } from "./queryText.ts";
import type { IndexingPolicy, Item } from "./model.ts";

/** A query and its parameters, as the SDK sends them. */
export interface QueryRequest {
  readonly query: ParsedQuery;
  readonly parameters: readonly { readonly name: string; readonly value: unknown }[];
}

export interface Page {
  readonly documents: readonly unknown[];
  /** To pass back for the next page; absent on the last one. */
  readonly continuation?: string;
}

/** A page ends at 4 MB, however many items were asked for. */
const MAX_PAGE_BYTES = 4 * 1024 * 1024;
const DEFAULT_PAGE = 100;
const MAX_PAGE = 1000;

const isRecord = (value: unknown): value is Item =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Reads `{ query, parameters }`; every parameter in the text needs a value. */
export function parseQueryRequest(body: unknown): QueryRequest {
  const { query: text, parameters = [] } = isRecord(body) ? body : {};
  if (typeof text !== "string" || !Array.isArray(parameters)) throw badRequest("The query is missing.");
  const query = parseQuery(text);
  const given = (parameters as unknown[]).map((parameter) => {
    const { name, value } = isRecord(parameter) ? parameter : {};
    if (typeof name !== "string" || !name.startsWith("@")) throw badRequest("A query parameter has no name.");
    return { name, value };
  });
  const request = { query, parameters: given };
  for (const name of query.parameters) valueOf(request, name);
  return request;
}

function valueOf({ parameters }: QueryRequest, name: string): unknown {
  const found = parameters.find((parameter) => parameter.name === name);
  if (found === undefined) throw badRequest(`The query parameter ${name} has no value.`);
  return found.value;
}

function count(request: QueryRequest, value: number | string): number {
  const number = typeof value === "string" ? valueOf(request, value) : value;
  if (!Number.isInteger(number) || Number(number) < 0) throw badRequest("TOP, OFFSET and LIMIT need whole numbers.");
  return Number(number);
}

/** The value that every result's property must equal, when the query says so. */
export function requiredValue(request: QueryRequest, path: string): unknown {
  const equality = request.query.equalities.find((candidate) => candidate.path === path);
  return equality && (equality.parameter === undefined ? equality.literal : valueOf(request, equality.parameter));
}

/** Whether the query keeps every row within one tenant by itself, whatever partition it runs on. */
export function hasTenantPredicate({ query }: QueryRequest): boolean {
  const isTenant = ({ path, parameter }: Equality): boolean => path === "/tenantId" && parameter === "@tenantId";
  return query.equalities.some(isTenant);
}

/** How precisely an indexing path covers `path`; undefined: not at all. `/a/?` is one value, `/a/*` what is below. */
function coverage(pattern: string, path: string): number | undefined {
  const plain = pattern.replaceAll('"', "");
  if (plain === `${path}/?`) return Infinity;
  const base = plain.endsWith("/*") ? plain.slice(0, -2) : undefined;
  return base !== undefined && (path === base || path.startsWith(`${base}/`)) ? base.length : undefined;
}

function isIndexed(policy: IndexingPolicy, path: string): boolean {
  const best = (paths: readonly { readonly path: string }[] = []): number =>
    Math.max(-1, ...paths.map((entry) => coverage(entry.path, path) ?? -1));
  return best(policy.includedPaths) > best(policy.excludedPaths);
}

function hasCompositeIndex(policy: IndexingPolicy, keys: readonly SortKey[]): boolean {
  return (policy.compositeIndexes ?? []).some((index) => {
    if (index.length !== keys.length || !index.every(({ path }, level) => path === keys[level]?.path)) return false;
    const flips = index.map(({ order }, level) => (order === "descending") !== keys[level]?.descending);
    // An index serves its own order and the exact opposite.
    return flips.every((flip) => flip === flips[0]);
  });
}

/** As in Azure: sorting needs a range index on one property, a composite index on several. */
export function requireSortIndex({ query: { orderBy } }: QueryRequest, policy: IndexingPolicy): void {
  const [first] = orderBy;
  if (orderBy.length > 1 && !hasCompositeIndex(policy, orderBy)) {
    throw badRequest("The order by query does not have a corresponding composite index that it can be served from.");
  }
  if (orderBy.length === 1 && first !== undefined && !isIndexed(policy, first.path)) {
    throw badRequest("The order by query does not have a corresponding index that it can be served from.");
  }
}

interface Evaluation {
  readonly result: readonly unknown[];
  readonly continuation: { readonly token: string } | null;
}

function evaluate(request: QueryRequest, items: Item[], maxItemCount?: number, token?: string): Evaluation {
  const { executable, top } = request.query;
  if (top !== undefined) count(request, top);
  try {
    return executable.exec(items, {
      parameters: [...request.parameters],
      ...(maxItemCount === undefined ? {} : { maxItemCount }),
      ...(token === undefined ? {} : { continuation: { token } }),
    }) as Evaluation;
  } catch (error) {
    throw badRequest(`The query failed: ${(error as Error).message}`);
  }
}

/** One page of the results among `items`, each of which carries its `_rid`. */
export function runQuery(request: QueryRequest, items: Item[], pageSize: string | undefined, token?: string): Page {
  const { page } = request.query;
  if (page !== undefined) {
    const offset = count(request, page.offset);
    return { documents: evaluate(request, items).result.slice(offset, offset + count(request, page.limit)) };
  }
  const asked = Number(pageSize ?? DEFAULT_PAGE);
  for (let size = asked > 0 ? Math.min(asked, MAX_PAGE) : MAX_PAGE; ; size = Math.floor(size / 2)) {
    const { result, continuation } = evaluate(request, items, size, token);
    if (size === 1 || JSON.stringify(result).length <= MAX_PAGE_BYTES) {
      return { documents: result, ...(continuation === null ? {} : { continuation: continuation.token }) };
    }
  }
}

/** Whether `item` meets a patch's condition, e.g. `from c where c.used < 10`. */
export function satisfies(item: Item, condition: string): boolean {
  const request = { query: parseQuery(`SELECT VALUE 1 ${condition}`), parameters: [] };
  return evaluate(request, [item]).result.length > 0;
}

/**
 * Refuses what the service's gateway refuses without a partition key: with `additionalErrorInfo` the SDK continues by
 * itself, one physical partition after the other.
 */
export function requireServableAcrossPartitions(request: QueryRequest, enabled: boolean): void {
  if (!enabled) {
    throw badRequest(
      "Cross partition query is required but disabled. Please set x-ms-documentdb-query-enablecrosspartition to true, specify x-ms-documentdb-partitionkey, or revise your query to avoid this exception.",
    );
  }
  const { query } = request;
  if (query.aggregates.length > 0) throw badRequest("The local server does not aggregate across partitions.");
  if (query.orderBy.length > 0 || query.top !== undefined || query.page !== undefined) {
    throw new CosmosError(400, "Cross partition query only supports simple projections and filters.", {
      additionalErrorInfo: JSON.stringify(planQuery(request)),
    });
  }
}

/** For the SDK's merge of sorted partitions, each row is wrapped with its rid and sort values. */
function rewriteForMerge({ query }: QueryRequest): string {
  if (!query.selectsAll) throw badRequest("The local server sorts only SELECT * across partitions.");
  const { alias, clauses, orderBy } = query;
  const { text, from, where, order } = clauses;
  const sortValues = orderBy.map(({ path }) => `{"item": ${alias}${path.replaceAll("/", ".")}}`).join(", ");
  const source = text.slice(from, where === -1 ? order : where).trim();
  const condition = where === -1 ? "true" : text.slice(where + "WHERE".length, order).trim();
  return (
    `SELECT ${alias}._rid, [${sortValues}] AS orderByItems, ${alias} AS payload ${source} ` +
    `WHERE (${condition}) AND ({documentdb-formattableorderbyquery-filter}) ${text.slice(order).trim()}`
  );
}

/** The answer to a query-plan request: what the SDK has to do itself when it goes over physical partitions. */
export function planQuery(request: QueryRequest): Item {
  const { query } = request;
  return {
    partitionedQueryExecutionInfoVersion: 2,
    queryInfo: {
      distinctType: "None",
      top: query.top === undefined ? null : count(request, query.top),
      offset: query.page ? count(request, query.page.offset) : null,
      limit: query.page ? count(request, query.page.limit) : null,
      orderBy: query.orderBy.map(({ descending }) => (descending ? "Descending" : "Ascending")),
      orderByExpressions: query.orderBy.map(({ path }) => `${query.alias}${path.replaceAll("/", ".")}`),
      groupByExpressions: [],
      groupByAliases: [],
      aggregates: query.aggregates,
      groupByAliasToAggregateType: {},
      rewrittenQuery: query.orderBy.length > 0 && query.selectsAll ? rewriteForMerge(request) : "",
      hasSelectValue: query.selectsValue,
      hasNonStreamingOrderBy: false,
      dCountInfo: null,
    },
    queryRanges: [{ min: "", max: "FF", isMinInclusive: true, isMaxInclusive: false }],
  };
}
