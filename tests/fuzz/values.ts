import fc from "fast-check";
import { type Schema, resolved } from "./document.ts";

/** What exists in the tenant that the requests are sent to, by the name of an id's prefix or of a parameter. */
export type Existing = Readonly<Record<string, readonly string[]>>;

/** Values that fit a schema of the API document; ids and question names mostly those that exist. */
export function valuesOf(described: Schema, existing: Existing, name = ""): fc.Arbitrary<unknown> {
  const schema = resolved(described);
  const variants = (schema["oneOf"] ?? schema["anyOf"]) as readonly Schema[] | undefined;
  if (variants !== undefined) return fc.oneof(...variants.map((variant) => valuesOf(variant, existing, name)));
  if (schema["enum"] !== undefined) return fc.constantFrom(...(schema["enum"] as readonly unknown[]));
  const types = [schema["type"]].flat();
  return fc.oneof(...types.map((type) => ofType(type, schema, existing, name)));
}

function ofType(type: unknown, schema: Schema, existing: Existing, name: string): fc.Arbitrary<unknown> {
  const { minimum = 0, maximum = 1e6 } = schema as { minimum?: number; maximum?: number };
  switch (type) {
    case "string":
      return texts(schema, existing, name);
    case "integer":
      return fc.oneof(
        fc.integer({ min: minimum, max: Math.min(maximum, minimum + 100) }),
        fc.maxSafeInteger().map((n) => Math.min(Math.max(n, minimum), maximum)),
      );
    case "number":
      return fc.double({ min: minimum, max: maximum, noNaN: true });
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    case "array": {
      const { minItems = 0, maxItems = 10, items } = schema as { minItems?: number; maxItems?: number; items: Schema };
      const length = { minLength: minItems, maxLength: Math.min(maxItems, minItems + 4) };
      return fc.uniqueArray(valuesOf(items, existing, name), { ...length, selector: (item) => JSON.stringify(item) });
    }
    default:
      return objects(schema, existing);
  }
}

function objects(schema: Schema, existing: Existing): fc.Arbitrary<unknown> {
  const properties = (schema["properties"] ?? {}) as Readonly<Record<string, Schema>>;
  const required = (schema["required"] ?? []) as string[];
  const members = Object.entries(properties).map(([name, member]) => [name, valuesOf(member, existing, name)] as const);
  return fc.record(Object.fromEntries(members), { requiredKeys: required, noNullPrototype: true });
}

function texts(schema: Schema, existing: Existing, name: string): fc.Arbitrary<string> {
  const {
    format,
    pattern,
    minLength = 0,
    maxLength = 50,
  } = schema as {
    format?: string;
    pattern?: string;
    minLength?: number;
    maxLength?: number;
  };
  const known = [...(existing[name] ?? []), ...(existing[/^\^(\w+?)_/u.exec(pattern ?? "")?.[1] ?? ""] ?? [])];
  const mostly = (other: fc.Arbitrary<string>) =>
    known.length === 0 ? other : fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...known) }, other);
  if (format === "email") return mostly(fc.stringMatching(/^[a-z]{1,8}@[a-z]{1,8}\.localhost$/u));
  if (format === "date-time")
    return mostly(fc.date({ noInvalidDate: true, ...days }).map((date) => date.toISOString()));
  const expression = new RegExp(pattern ?? "^.*$", "u");
  const fits = (text: string) =>
    expression.test(text) && codePoints(text) >= minLength && codePoints(text) <= maxLength;
  const free = fc.string({ unit: "grapheme", minLength, maxLength: Math.min(maxLength, 40) }).filter(fits);
  const formed = fc.stringMatching(expression).filter(fits);
  return mostly(isFree(expression) ? fc.oneof(free, formed) : formed);
}

const days = { min: new Date("2000-01-01T00:00:00Z"), max: new Date("2099-12-31T00:00:00Z") };

function codePoints(text: string): number {
  return Array.from(text).length;
}

/** Whether a person may write what they like. */
function isFree(expression: RegExp): boolean {
  return expression.test("Grüße, 7 x");
}

/** Values that fit hardly any schema. */
export const junk: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, true, 0, -1, 1.5, 1e15, 2 ** 53, -0, "", " ", [], {}, [[]], "null", "__proto__"),
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.string({ unit: fc.constantFrom("\u0000", "\ud800", "\u202e", "\u0315", "\r\n", "<", "'", "{{", "%00", "../") }),
  fc.integer({ min: 1, max: 200 }).map((n) => "x".repeat(n * 100)),
  fc.jsonValue({ maxDepth: 4 }),
  fc.integer({ min: 1, max: 30 }).map((depth) => JSON.parse("[".repeat(depth) + "]".repeat(depth)) as unknown),
  fc.constantFrom<unknown>({ constructor: { prototype: {} } }, { $ne: null }, { tenantId: "tnt_0", kind: "x" }),
);
