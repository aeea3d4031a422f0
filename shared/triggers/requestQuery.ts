import type { TObject, TSchema } from "@sinclair/typebox";
import { escapePointer, valid } from "../validator.ts";
import { invalidField } from "../web/problem.ts";
import { text } from "./requestText.ts";

/** Characters of a query as it is sent: what any operation can use, percent-encoded, and no more. */
const maxQueryLength = 8_192;

/**
 * A request's query as its schema has it: known parameters, each once, in UTF-8. Throws `invalid_request` for anything
 * else; bytes that are no text are not replaced.
 */
export function queryOf(schema: TObject | undefined, url: string): unknown {
  const { search, searchParams } = new URL(url);
  if (search.length > maxQueryLength)
    throw invalidField("", "too_long", `has a query of more than ${maxQueryLength} characters`);
  if (!isDecodable(search)) throw invalidField("", "encoding", "has a query that is not percent-encoded UTF-8");
  const properties: Readonly<Record<string, TSchema>> = schema?.properties ?? {};
  const query: Record<string, unknown> = {};
  for (const [name, value] of searchParams) {
    const pointer = `/${escapePointer(name)}`;
    if (!Object.hasOwn(properties, name)) throw invalidField(pointer, "unknown_field", "is not known here");
    if (Object.hasOwn(query, name)) throw invalidField(pointer, "repeated", "is given twice");
    query[name] = typed(text(value, pointer), properties[name]?.["type"]);
  }
  return schema === undefined ? query : valid(schema, query);
}

function typed(value: string, type: unknown): unknown {
  if (type === "integer") return /^-?\d{1,15}$/u.test(value) ? Number(value) : value;
  return type === "array" ? value.split(",") : value;
}

function isDecodable(search: string): boolean {
  try {
    decodeURIComponent(search);
    return true;
  } catch {
    return false;
  }
}
