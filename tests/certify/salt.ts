import { ulid } from "ulid";

/** A schema, as far as texts are looked for in it. */
export interface Schema {
  readonly type?: string;
  readonly pattern?: string;
  readonly format?: string;
  readonly maxLength?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}

/** A value with texts in it, and where they stand. */
export interface Salted {
  readonly value: unknown;
  readonly places: readonly string[];
}

/**
 * The value with the canary in every text that people may word freely: in those that it has, and in those that its schema
 * lets it have. `without` are places that are left alone.
 */
export function salted(
  schema: Schema,
  value: unknown,
  canary: string,
  without: readonly string[] = [],
  place = "",
): Salted {
  if (isFree(schema) && (value === undefined || typeof value === "string") && !without.includes(place))
    return { value: textFor(schema, canary), places: [place] };
  const [variants = []] = [schema.anyOf ?? schema.oneOf];
  const variant = variants.find((each) => fits(each, value));
  if (variant !== undefined) return salted(variant, value, canary, without, place);
  if (Array.isArray(value) && schema.items !== undefined) {
    const { items } = schema;
    const all = value.map((member: unknown) => salted(items, member, canary, without, `${place}/0`));
    return { value: all.map((each) => each.value), places: all.flatMap(({ places }) => places) };
  }
  if (value === null || typeof value !== "object" || schema.properties === undefined) return { value, places: [] };
  const members = Object.entries(schema.properties).map(([name, member]): [string, Salted] => [
    name,
    salted(member, (value as Record<string, unknown>)[name], canary, without, `${place}/${name}`),
  ]);
  const given = members.filter(([, each]) => each.value !== undefined).map(([name, each]) => [name, each.value]);
  return {
    value: { ...value, ...(Object.fromEntries(given) as object) },
    places: members.flatMap(([, { places }]) => places),
  };
}

/** `Line` and `Text` of `shared/schema.ts`, which hold any words, and addresses, whose first part does. */
function isFree({ type, pattern = "", format }: Schema): boolean {
  return type === "string" && (format === "email" || pattern.includes("\\p{Cc}"));
}

function textFor({ format, maxLength = 100 }: Schema, canary: string): string {
  if (format === "email") return `${canary}.${ulid().toLowerCase()}@canary.localhost`;
  return `${canary} ${ulid()}`.slice(0, maxLength);
}

/** By its type, or by the word that tells the variants of a question apart. */
function fits({ type, properties }: Schema, value: unknown): boolean {
  if (typeof value === "string") return type === "string";
  const word = (properties?.["type"] as { enum?: readonly unknown[] } | undefined)?.enum;
  return word?.includes((value as { type?: unknown } | null)?.type) === true;
}
