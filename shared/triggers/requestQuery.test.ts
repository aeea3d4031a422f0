import { describe, expect, it } from "vitest";
import { Choice, Line, List, Whole, closed, optional } from "../schema.ts";
import { Problem } from "../web/problem.ts";
import { queryOf } from "./requestQuery.ts";

const schema = closed({
  text: optional(Line(100)),
  limit: optional(Whole(1, 100)),
  types: optional(List(Choice(["a", "b"]), 2)),
});
const parsed = (query: string) => queryOf(schema, `https://api.example/v1/things?${query}`);

function faultOf(query: string) {
  try {
    parsed(query);
  } catch (error) {
    if (error instanceof Problem) return error.details.errors?.[0];
    throw error;
  }
  throw new Error("nothing was refused");
}

it("gives each parameter in its type, texts composed", () => {
  expect(parsed("limit=%31&types=a,b&text=u%CC%88+%2B")).toEqual({ limit: 1, types: ["a", "b"], text: "ü +" });
  expect(parsed("")).toEqual({});
  expect(queryOf(undefined, "https://api.example/")).toEqual({});
});

describe("a query", () => {
  it.each([
    ["text=%zz", "", "encoding"],
    ["text=100%", "", "encoding"],
    ["text=%ff%fe", "", "encoding"],
    ["text=%c0%af", "", "encoding"],
    ["text=%ed%a0%80", "", "encoding"],
    ["%ff=1", "", "encoding"],
    ["text=%00", "/text", "text"],
    [`text=a${"%CC%95%CC%96".repeat(16)}`, "/text", "text"],
    [`text=${"a".repeat(8_188)}`, "", "too_long"],
    [`text=${"a".repeat(8_186)}`, "/text", "maxLength"],
    ["text=a%0d%0aset-cookie:%20x", "/text", "pattern"],
    ["limit=1&limit=1", "/limit", "repeated"],
    ["limit[]=1", "/limit[]", "unknown_field"],
    ["limit=1.0", "/limit", "type"],
    ["limit=+1", "/limit", "type"],
    ["limit=0x1", "/limit", "type"],
    ["limit=1e1", "/limit", "type"],
    ["limit", "/limit", "type"],
    ["types=a,b,a", "/types", "maxItems"],
    ["types=", "/types/0", "enum"],
    ["=1", "/", "unknown_field"],
    ["__proto__=1", "/__proto__", "unknown_field"],
    ["constructor=1", "/constructor", "unknown_field"],
    ["a/b~c=1", "/a~1b~0c", "unknown_field"],
  ])("is refused where it is wrong: %s", (query, pointer, code) => {
    expect(faultOf(query)).toMatchObject({ pointer, code });
  });
});
