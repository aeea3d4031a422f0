import { LocalError } from "../service.ts";

/** A route template of ASP.NET Core, as far as function apps use them. */
export interface Route {
  readonly template: string;
  readonly segments: readonly Segment[];
}

type Segment =
  | { readonly kind: "literal"; readonly text: string }
  | {
      readonly kind: "parameter" | "rest";
      readonly name: string;
      readonly optional: boolean;
      readonly constraints: readonly Constraint[];
      readonly constraintText: string;
    };
type Constraint = (value: string) => boolean;

/** Parses e.g. `surveys/{id:guid}/{part?}` or `files/{*path}`. Throws {@link LocalError} for what is not supported. */
export function parseRoute(template: string): Route {
  const parts = template.replace(/^\/|\/$/gu, "").split("/");
  const segments = parts.filter((part) => part !== "").map((part) => parseSegment(part, template));
  segments.slice(0, -1).forEach((segment) => {
    if (segment.kind === "rest" || (segment.kind === "parameter" && segment.optional))
      throw new LocalError(`Route "${template}": {${segment.name}} is possible in the last segment only.`);
  });
  return { template, segments };
}

/**
 * The parameters of `path` if it matches, percent-decoded; an absent optional one is absent. Throws URIError when the
 * path is not valid percent-encoding.
 */
export function matchRoute(route: Route, path: string): Record<string, string> | undefined {
  const parts = path.replace(/^\/|\/$/gu, "").split("/");
  const given = parts.length === 1 && parts[0] === "" ? [] : parts;
  const params: Record<string, string> = {};
  for (const [index, segment] of route.segments.entries()) {
    const isRest = segment.kind === "rest";
    if (!isRest && index >= given.length) return segment.kind === "parameter" && segment.optional ? params : undefined;
    const value = given
      .slice(index, isRest ? given.length : index + 1)
      .map(decode)
      .join("/");
    if (!fits(segment, value)) return undefined;
    if (segment.kind !== "literal" && value !== "") params[segment.name] = value;
    if (isRest) return params;
  }
  return given.length > route.segments.length ? undefined : params;
}

function fits(segment: Segment, value: string): boolean {
  if (segment.kind === "literal") return segment.text === value.toLowerCase();
  return (segment.kind === "rest" || value !== "") && segment.constraints.every((holds) => holds(value));
}

/** Whether every path of `exact` also matches `wide`, as far as the templates tell. */
export function hides(wide: Route, exact: Route): boolean {
  for (const [index, segment] of exact.segments.entries()) {
    const over = wide.segments[index];
    if (over === undefined) return false;
    if (over.kind === "rest") return over.constraints.length === 0;
    if (over.kind === "literal") {
      if (segment.kind !== "literal" || segment.text !== over.text) return false;
    } else if (segment.kind === "literal") {
      if (!over.constraints.every((holds) => holds(segment.text))) return false;
    } else if (segment.kind === "rest" || (segment.optional && !over.optional)) return false;
    else if (over.constraints.length > 0 && over.constraintText !== segment.constraintText) return false;
  }
  const more = wide.segments[exact.segments.length];
  return more === undefined || more.kind === "rest" || (more.kind === "parameter" && more.optional);
}

function parseSegment(part: string, template: string): Segment {
  if (!/[{}]/u.test(part)) return { kind: "literal", text: part.toLowerCase() };
  const [head = "", ...constraints] = part.replace(/\??\}$/u, "").split(":");
  const [, stars = "", name = ""] = /^\{(\**)(\w+)$/u.exec(head) ?? [];
  if (name === "" || stars.length > 2 || !part.endsWith("}"))
    throw new LocalError(`Route "${template}": "${part}" is not supported.`);
  return {
    kind: stars === "" ? "parameter" : "rest",
    name,
    optional: part.endsWith("?}"),
    constraints: constraints.map((text) => parseConstraint(text, template)),
    constraintText: constraints.join(":").toLowerCase(),
  };
}

const byName: Readonly<Record<string, Constraint>> = {
  int: (value) => /^[+-]?\d{1,10}$/u.test(value) && Math.abs(Number(value)) <= 2 ** 31 - 1,
  long: (value) => /^[+-]?\d{1,18}$/u.test(value),
  guid: (value) =>
    /^[\da-f]{32}$/iu.test(value) || /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/iu.test(value),
  bool: (value) => /^(?:true|false)$/iu.test(value),
  alpha: (value) => /^[a-z]+$/iu.test(value),
  double: (value) => value.trim() === value && value !== "" && Number.isFinite(Number(value)),
  required: (value) => value !== "",
};

const byNumbers: Readonly<Record<string, (value: string, a: number, b: number) => boolean>> = {
  min: (value, a) => byName["long"]?.(value) === true && Number(value) >= a,
  max: (value, a) => byName["long"]?.(value) === true && Number(value) <= a,
  range: (value, a, b) => byName["long"]?.(value) === true && Number(value) >= a && Number(value) <= b,
  length: (value, a, b) => value.length >= a && value.length <= b,
  minlength: (value, a) => value.length >= a,
  maxlength: (value, a) => value.length <= a,
};

function parseConstraint(text: string, template: string): Constraint {
  const plain = byName[text.toLowerCase()];
  if (plain !== undefined) return plain;
  const [, name = "", bounds = ""] = /^([a-z]+)\(([-\d,]+)\)$/iu.exec(text) ?? [];
  const [first = NaN, second = first] = bounds.split(",").map(Number);
  const bounded = byNumbers[name.toLowerCase()];
  if (bounded === undefined || Number.isNaN(first + second))
    throw new LocalError(`Route "${template}": the constraint "${text}" is not supported.`);
  return (value) => bounded(value, first, second);
}

/** As Kestrel, which leaves an encoded slash as it is. */
function decode(part: string): string {
  return part.split(/%2f/iu).map(decodeURIComponent).join("%2F");
}
