import { fullFormats } from "ajv-formats/dist/formats.js";
import { check } from "recheck";
import { describe, expect, test } from "vitest";
import { boundaries, places, typesOf } from "../support/schemas.ts";

const all = boundaries().flatMap(({ name, schema, direction }) =>
  places(schema).map((place) => ({ ...place, name: name + place.path, direction })),
);
const named = (found: typeof all) => [...new Set(found.map(({ name }) => name))];
const of = (type: string) => all.filter(({ schema }) => typesOf(schema).includes(type));

/** Where an incoming text proves itself: a cursor is opened by its key or it is none. */
const proven = " query/cursor";

test("there are schemas to look at", () => {
  expect(boundaries().filter(({ name }) => name.endsWith(" message")).length).toBeGreaterThan(3);
  expect(all.length).toBeGreaterThan(500);
});

const isOneOfSome = (schema: object): boolean => "enum" in schema || "const" in schema;

describe("at every edge", () => {
  test("an object has the members that it names, or says why it may have others", () => {
    const open = of("object").filter(
      ({ schema }) => schema["additionalProperties"] !== false && !("oneOf" in schema) && !("$comment" in schema),
    );
    expect(named(open)).toEqual([]);
  });

  test("a value has a type, or says why it may have any", () => {
    const untyped = all.filter(({ schema }) => !["type", "anyOf", "$comment"].some((word) => word in schema));
    expect(named(untyped)).toEqual([]);
  });

  test("a map has so many members at most", () => {
    const maps = of("object").filter(({ schema }) => "patternProperties" in schema && !("maxProperties" in schema));
    expect(named(maps)).toEqual([]);
  });

  test("a text is so long at most, or one of some words", () => {
    const texts = of("string").filter(({ schema }) => !isOneOfSome(schema) && !("maxLength" in schema));
    expect(named(texts)).toEqual([]);
  });

  test("a list has so many items at most", () => {
    expect(named(of("array").filter(({ schema }) => !("maxItems" in schema)))).toEqual([]);
  });

  test("a number lies between two others", () => {
    const numbers = [...of("number"), ...of("integer")];
    expect(
      named(numbers.filter(({ schema }) => !isOneOfSome(schema) && !("minimum" in schema && "maximum" in schema))),
    ).toEqual([]);
  });

  test("a text that comes in has a form, be it only that it has no control characters", () => {
    const formless = of("string").filter(
      ({ direction, schema }) => direction === "in" && !["pattern", "format", "enum"].some((word) => word in schema),
    );
    expect(named(formless).filter((name) => !name.endsWith(proven))).toEqual([]);
  });
});

const patterns = new Map<string, number>();
for (const { schema } of all) {
  const { maxLength = Infinity } = schema as { maxLength?: number };
  const names = Object.keys((schema["patternProperties"] as object | undefined) ?? {});
  for (const pattern of [...names, ...("pattern" in schema ? [String(schema["pattern"])] : [])])
    patterns.set(pattern, Math.max(patterns.get(pattern) ?? 0, maxLength));
}

describe.each([...patterns])("the pattern %s", (pattern) => {
  test("is about the whole text", () => {
    expect(pattern).toMatch(/^\^.*\$$/u);
  });

  test("takes time in proportion to the text at most", async () => {
    expect(await verdictOn(pattern, "u")).toMatch(/^safe: (?:safe|linear)$/u);
  });
});

const formats = new Set(all.flatMap(({ schema }) => ("format" in schema ? [String(schema["format"])] : [])));

/** Those that split a short text at a character and look at fixed places. */
const calculated = ["date", "date-time"];

test.each([...formats].filter((name) => !calculated.includes(name)))("so does the format %s", async (name) => {
  const format = fullFormats[name as keyof typeof fullFormats] as RegExp;
  expect(format).toBeInstanceOf(RegExp);
  expect(await verdictOn(format.source, format.flags)).toMatch(/^safe: (?:safe|linear)$/u);
});

/** What the checker finds out about the expression by theory, not by taking its time. */
async function verdictOn(source: string, flags: string): Promise<string> {
  const found = await check(source, flags, { checker: "automaton", timeout: 60_000 });
  return `${found.status}: ${found.status === "unknown" ? found.error.kind : found.complexity.type}`;
}

test("an expression that takes longer than that is found", async () => {
  expect(await verdictOn("^(a|a)*$", "u")).toBe("vulnerable: exponential");
  expect(await verdictOn("^a*a*$", "u")).toBe("vulnerable: polynomial");
});
