import { createRequire } from "node:module";
import type Library from "@zeit/cosmosdb-query";
import { lazy } from "../../shared/lazy.ts";
import { badRequest } from "./errors.ts";

/** CommonJS that imports differently in Node and in bundlers; loading it costs 100 ms, so the first query does. */
const library = lazy(() => createRequire(import.meta.url)("@zeit/cosmosdb-query") as typeof Library);

/** A node of the parser's syntax tree, seen loosely: which fields exist depends on `type`. */
interface Node {
  readonly type: string;
  readonly [field: string]: unknown;
}

export interface SortKey {
  /** As in an indexing policy, e.g. `/updatedAt`. */
  readonly path: string;
  readonly descending: boolean;
}

/** `<property> = <parameter or literal>`, which every row of the result satisfies. */
export interface Equality {
  readonly path: string;
  /** `@name`, when the other side is a parameter. */
  readonly parameter: string | undefined;
  readonly literal: unknown;
}

/** A query as it was understood. Numbers may be parameters: `@name`. */
export interface ParsedQuery {
  readonly executable: ReturnType<typeof Library.default>;
  readonly alias: string;
  readonly selectsAll: boolean;
  readonly selectsValue: boolean;
  readonly aggregates: readonly string[];
  readonly top: number | string | undefined;
  readonly page: { readonly offset: number | string; readonly limit: number | string } | undefined;
  readonly orderBy: readonly SortKey[];
  readonly equalities: readonly Equality[];
  readonly parameters: ReadonlySet<string>;
  readonly clauses: Clauses;
}

/** Where the clauses of the outermost SELECT start; -1: absent. */
interface Clauses {
  readonly text: string;
  readonly from: number;
  readonly where: number;
  readonly order: number;
}

const AGGREGATES = new Map([
  ["COUNT", "Count"],
  ["SUM", "Sum"],
  ["AVG", "Average"],
  ["MIN", "Min"],
  ["MAX", "Max"],
]);

const TOKEN = /\\.|["'()[\]{}]|[.@]?[a-z_]\w*/giu;

/** Finds the outermost clauses, past strings, parentheses and properties that are named like a keyword. */
function findClauses(text: string): Map<string, number> {
  const found = new Map<string, number>();
  let depth = 0;
  let quote: string | undefined;
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    const word = token.toUpperCase();
    if (quote !== undefined) quote = token === quote ? undefined : quote;
    else if (token === "'" || token === '"') quote = token;
    else if ("([{".includes(token)) depth += 1;
    else if (")]}".includes(token)) depth -= 1;
    else if (depth === 0 && !found.has(word)) found.set(word, index);
  }
  return found;
}

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && typeof (value as Partial<Node>).type === "string";

function* nodesOf(value: unknown): Generator<Node> {
  if (typeof value !== "object" || value === null) return;
  if (isNode(value)) yield value;
  for (const child of Object.values(value)) yield* nodesOf(child);
}

/** `c.a.b` as `/a/b`; undefined for anything that is not a property of `alias`. */
function pathOf(node: unknown, alias: string): string | undefined {
  if (!isNode(node)) return undefined;
  if (node.type === "identifier") return node["name"] === alias ? "" : undefined;
  if (node.type !== "scalar_member_expression" || !isNode(node["property"])) return undefined;
  const parent = pathOf(node["object"], alias);
  const name = node["computed"] === true ? node["property"]["value"] : node["property"]["name"];
  return parent === undefined || typeof name !== "string" ? undefined : `${parent}/${name}`;
}

function equalitiesOf(condition: unknown, alias: string): Equality[] {
  if (!isNode(condition) || condition.type !== "scalar_binary_expression") return [];
  const { operator, left, right } = condition;
  if (operator === "AND") return [...equalitiesOf(left, alias), ...equalitiesOf(right, alias)];
  const path = pathOf(left, alias);
  if (operator !== "=" || path === undefined || !isNode(right)) return [];
  const parameter = right.type === "parameter_name" ? String(right["name"]) : undefined;
  return [{ path, parameter, literal: right["value"] }];
}

function sortKeysOf(orderBy: unknown, alias: string): SortKey[] {
  const expressions = isNode(orderBy) ? (orderBy["expressions"] as Node[]) : [];
  return expressions.map(({ expression, order }) => {
    const path = pathOf(expression, alias);
    if (path === undefined) throw badRequest("The order by expression could not be mapped to a document path.");
    return { path, descending: order === "DESC" };
  });
}

function aggregatesOf(select: Node): string[] {
  return [...nodesOf(select)].flatMap((node) => {
    if (node.type !== "scalar_function_expression" || node["udf"] === true || !isNode(node["name"])) return [];
    return AGGREGATES.get(String(node["name"]["name"]).toUpperCase()) ?? [];
  });
}

function aliasOf(from: unknown): string {
  const source = isNode(from) ? from["source"] : undefined;
  if (!isNode(source)) throw badRequest("The query has no FROM clause.");
  const named = isNode(source["alias"]) ? source["alias"] : undefined;
  const collection = isNode(source["expression"]) ? source["expression"]["expression"] : undefined;
  return String((named ?? (isNode(collection) ? collection : undefined))?.["name"]);
}

const toNumberOrName = (text: string): number | string => (text.startsWith("@") ? text : Number(text));

/** The parser knows no OFFSET … LIMIT: it is cut off and applied afterwards. */
function cutPage(text: string, offset: number | undefined): { query: string; page: ParsedQuery["page"] } {
  if (offset === undefined) return { query: text, page: undefined };
  const words = text.slice(offset).trim().split(/\s+/u);
  const isCount = (word: string | undefined): boolean => /^(?:\d+|@\w+)$/u.test(word ?? "");
  if (words.length !== 4 || words[2]?.toUpperCase() !== "LIMIT" || !isCount(words[1]) || !isCount(words[3])) {
    throw badRequest("Syntax error, incorrect syntax near 'OFFSET'.");
  }
  const page = { offset: toNumberOrName(words[1] ?? ""), limit: toNumberOrName(words[3] ?? "") };
  return { query: text.slice(0, offset), page };
}

function parse(text: string): ParsedQuery {
  const positions = findClauses(text);
  const { query, page } = cutPage(text, positions.get("OFFSET"));
  let executable: ParsedQuery["executable"];
  try {
    executable = library().default(query);
  } catch (error) {
    throw badRequest(`Syntax error, or SQL that the local server does not know: ${(error as Error).message}`);
  }
  const body = (executable.ast as { readonly body: Node }).body;
  const select = body["select"] as Node;
  const where = isNode(body["where"]) ? body["where"]["condition"] : undefined;
  const top = isNode(body["top"]) && isNode(body["top"]["value"]) ? body["top"]["value"] : undefined;
  const alias = aliasOf(body["from"]);
  const names = [...nodesOf(body)].filter(({ type }) => type === "parameter_name").map(({ name }) => String(name));
  return {
    executable,
    alias,
    selectsAll: select["*"] === true,
    selectsValue: isNode(select["value"]),
    aggregates: aggregatesOf(select),
    top: top && (top.type === "parameter_name" ? String(top["name"]) : Number(top["value"])),
    page,
    orderBy: sortKeysOf(body["orderBy"], alias),
    equalities: equalitiesOf(where, alias),
    parameters: new Set(names),
    clauses: {
      text: query,
      from: positions.get("FROM") ?? -1,
      where: positions.get("WHERE") ?? -1,
      order: positions.get("ORDER") ?? -1,
    },
  };
}

const CAPACITY = 500;
const known = new Map<string, ParsedQuery>();

/** Parses a query once; later uses of the same text cost nothing. Throws 400 for what it does not understand. */
export function parseQuery(text: string): ParsedQuery {
  let query = known.get(text);
  if (query === undefined) {
    query = parse(text);
    if (known.size >= CAPACITY) known.clear();
    known.set(text, query);
  }
  return query;
}
