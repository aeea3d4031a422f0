import { ulid } from "ulid";
import type { Operation, Request } from "../support/contracts.ts";
import { caseOf } from "./cases.ts";

/** The one answer to whatever is missing, foreign, or not to be known of. */
export const notFound =
  '404 {"type":"urn:callpilot:problem:not_found","title":"Not found","status":404,"code":"not_found","requestId":"<request>"}';

/** The id of nothing, of the same kind. */
export function missing(id: string): string {
  if (/^[a-z]+_[0-9A-Z]{26}$/u.test(id)) return id.replace(/_.*/u, `_${ulid()}`);
  return id.startsWith("mbr_") ? `mbr_${"0".repeat(40)}` : "q_missing";
}

/** Every request that differs from the own one in at least one parameter, by what it names instead. */
export function strays(mine: Request, other: Request, sibling: Request): readonly [string, Request][] {
  const names = Object.keys(mine.params ?? {});
  return names
    .reduce<[string, Record<string, string>][]>(
      (all, name) =>
        all.flatMap(([label, params]) => {
          const id = mine.params?.[name] ?? "";
          const instead = { own: id, foreign: other.params?.[name] ?? "", missing: missing(id), malformed: `${id}~` };
          return Object.entries(instead).map(([what, value]): [string, Record<string, string>] => [
            `${label} ${what}`.trim(),
            { ...params, [name]: value },
          ]);
        }),
      [["", {}]],
    )
    .slice(1)
    .concat(
      names.length > 1
        ? names.map((name) => [`sibling ${name}`, { ...mine.params, [name]: sibling.params?.[name] ?? "" }])
        : [],
    )
    .map(([label, params]) => [label, { ...mine, params }]);
}

/** Where an operation's body or query takes ids, questions' names or one-time tokens. */
export function namesIn(operation: Operation): string[] {
  const { body, query } = operation.contract;
  const { words = [] } = caseOf(operation);
  return [...references(body, "body"), ...references(query, "query")].filter((path) => !words.includes(path));
}

function references(schema: unknown, path: string): string[] {
  const { pattern, properties, items } = (schema ?? {}) as {
    pattern?: string;
    properties?: Record<string, unknown>;
    items?: unknown;
  };
  const isName = pattern !== undefined && /^\^(?:\w+_|\[a-z\]\[a-z0-9_-\])/u.test(pattern);
  return [
    ...(isName || isToken(path) ? [path] : []),
    ...Object.entries(properties ?? {}).flatMap(([name, member]) => references(member, `${path}/${name}`)),
    ...(items === undefined ? [] : references(items, `${path}/0`)),
  ];
}

/** Whether the field takes a one-time token. */
export function isToken(path: string): boolean {
  return path === "body/token";
}

/** The request with another value in the field. */
export function replaced(request: Request, path: string, value: string): Request {
  const [part = "", name = "", place] = path.split("/");
  const change = { [name]: place === undefined ? value : [value] };
  return part === "query"
    ? { ...request, query: { ...request.query, ...change } as Record<string, string> }
    : { ...request, body: { ...(request.body as object), ...change } };
}

/** Every mixture of two one-time tokens in which one part is the other's. */
export function mixed(mine: string, theirs: string): readonly string[] {
  const [a, b] = [mine.split("."), theirs.split(".")];
  return [0, 1, 2]
    .flatMap((part) => [a.with(part, b[part] ?? ""), b.with(part, a[part] ?? "")])
    .map((parts) => parts.join("."));
}
