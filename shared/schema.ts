import { type Static, type TArray, type TObject, type TSchema, type TString, Type } from "@sinclair/typebox";

/**
 * The words that contracts are written in. Every string, list and map has a bound, every object is closed: what a schema
 * does not name is refused on the way in and dropped on the way out.
 */

/** An object without further members. */
export function closed<P extends Record<string, TSchema>>(properties: P, description?: string): TObject<P> {
  return Type.Object(properties, { additionalProperties: false, ...(description !== undefined && { description }) });
}

/**
 * One line of text: 1 to `max` characters, no control characters, and none of those that turn the direction of what
 * follows, with which a name can pretend to be another (Unicode TR36, 2.5).
 */
export function Line(max: number, description?: string): TString {
  return Type.String({
    minLength: 1,
    maxLength: max,
    pattern: "^[^\\p{Cc}\\u2028-\\u202e\\u2066-\\u2069]*$",
    ...(description !== undefined && { description }),
  });
}

/** Text of several lines: at most `max` characters, no control characters but tab and line feed. */
export function Text(max: number, description?: string): TString {
  return Type.String({
    maxLength: max,
    pattern: "^(?:[^\\p{Cc}]|[\\t\\n])*$",
    ...(description !== undefined && { description }),
  });
}

export function List<T extends TSchema>(items: T, maxItems: number, minItems = 0): TArray<T> {
  return Type.Array(items, { maxItems, ...(minItems > 0 && { minItems }) });
}

/** One of some words. */
export function Choice<const W extends readonly string[]>(words: W, description?: string) {
  return Type.Unsafe<W[number]>(Type.String({ enum: [...words], ...(description !== undefined && { description }) }));
}

export function Whole(minimum: number, maximum: number, description?: string) {
  return Type.Integer({ minimum, maximum, ...(description !== undefined && { description }) });
}

/** A number that may have a fraction, within what a double counts exactly. */
export const Decimal = Type.Number({ minimum: -1e15, maximum: 1e15 });

/** A member that may be left out. */
export const optional = <T extends TSchema>(schema: T) => Type.Optional(schema);

export const Email = Type.String({ format: "email", maxLength: 254 });
export const Time = Type.String({ format: "date-time", maxLength: 35, description: "RFC 3339" });
export const Locale = Type.String({
  pattern: "^[a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}$",
  maxLength: 32,
  description: "BCP 47",
});
export const Phone = Type.String({ pattern: "^\\+[1-9][0-9]{6,14}$", maxLength: 16, description: "E.164" });
export const Sha256 = Type.String({ pattern: "^[0-9a-f]{64}$", maxLength: 64, description: "SHA-256, hex" });
export const Name = Line(120);

/** Query parameters of every list. */
export const paging = {
  limit: optional(Whole(1, 100, "Items on a page, 25 by default")),
  cursor: optional(Type.String({ minLength: 1, maxLength: 1024, description: "nextCursor of the page before" })),
};

/** One page of a list. */
export function PageOf<T extends TSchema>(items: T) {
  return closed({
    items: List(items, 100),
    nextCursor: optional(Type.String({ maxLength: 1024 })),
  });
}

export type { Static };
