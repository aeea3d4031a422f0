import fc from "fast-check";
import type { DescribedOperation, Parameter } from "./document.ts";
import { type Existing, junk, valuesOf } from "./values.ts";

/** A request as it goes over the wire. */
export interface FuzzRequest {
  readonly operation: DescribedOperation;
  /** What was done to a request that fits the document; "" for nothing. */
  readonly mutation: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** What a request is made of before it is written down. */
interface Draft {
  readonly path: Readonly<Record<string, unknown>>;
  readonly query: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
  /** The body as text, instead of what `body` would be. */
  readonly text?: string;
  /** Put behind the query as it is. */
  readonly rawQuery?: string;
}

/** Credentials by security scheme; `other` holds some that are none. */
export type Credentials = Readonly<Record<string, readonly string[]>>;

/** Requests to an operation: half of them as the document wants them, half with something wrong. */
export function requestsTo(
  operation: DescribedOperation,
  existing: Existing,
  credentials: Credentials,
): fc.Arbitrary<FuzzRequest> {
  const valid = draftsOf(operation, existing, credentials);
  const broken = fc.tuple(valid, mutationsOf(operation, credentials)).map(([draft, { name, change }]) => ({
    name,
    draft: change(draft),
  }));
  return fc.oneof(
    valid.map((draft) => written(operation, "", draft)),
    broken.map(({ name, draft }) => written(operation, name, draft)),
  );
}

function draftsOf(operation: DescribedOperation, existing: Existing, credentials: Credentials): fc.Arbitrary<Draft> {
  const { parameters, body } = operation;
  const of = (place: Parameter["in"], always: (parameter: Parameter) => boolean) => {
    const own = parameters.filter((parameter) => parameter.in === place);
    const members = own.map(({ name, schema }) => [name, valuesOf(schema, existing, name)] as const);
    const requiredKeys = own.filter(always).map(({ name }) => name);
    return fc.record(Object.fromEntries(members), { requiredKeys, noNullPrototype: true });
  };
  const tokens = operation.credentials.flatMap((scheme) => credentials[scheme] ?? []);
  return fc
    .record({
      path: of("path", () => true),
      query: of("query", ({ required }) => required),
      own: of("header", ({ required }) => required),
      token: tokens.length === 0 ? fc.constant(undefined) : fc.constantFrom(...tokens),
      body: body === undefined ? fc.constant(undefined) : valuesOf(body, existing),
    })
    .map(({ path, query, own, token, ...draft }) => ({
      ...draft,
      path,
      query,
      headers: {
        ...(own as Readonly<Record<string, string>>),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { "content-type": "application/json" }),
      },
    }));
}

interface Mutation {
  readonly name: string;
  readonly change: (draft: Draft) => Draft;
}

function mutationsOf(operation: DescribedOperation, credentials: Credentials): fc.Arbitrary<Mutation> {
  const { body, path } = operation;
  return fc.oneof(
    ofHeaders,
    ofQuery,
    fc.constantFrom("", ...Object.values(credentials).flat()).map(withToken),
    ...(path.includes("{") ? [ofPath] : []),
    ...(body === undefined ? [fc.constant({ name: "a body", change: withText("{}") })] : [ofBody, ofBody, ofText]),
  );
}

function withToken(token: string): Mutation {
  return {
    name: "credential",
    change: (draft) => {
      const { authorization: _, ...headers } = draft.headers as Readonly<Record<string, string>> & {
        authorization?: string;
      };
      return { ...draft, headers: token === "" ? headers : { ...headers, authorization: `Bearer ${token}` } };
    },
  };
}

const headerNames = [
  "authorization",
  "content-type",
  "content-encoding",
  "accept",
  "if-match",
  "if-none-match",
  "idempotency-key",
  "x-request-id",
  "x-forwarded-for",
  "x-http-method-override",
  "traceparent",
  "origin",
  "range",
  "cookie",
] as const;

const ofHeaders: fc.Arbitrary<Mutation> = fc
  .tuple(
    fc.constantFrom(...headerNames),
    fc.oneof(
      fc.string({ unit: fc.constantFrom(...Array.from("az09 \"'*,;=<>%(){}/\\é")), maxLength: 60 }),
      fc.constantFrom(
        "*",
        '"x"',
        'W/"x"',
        "gzip",
        "text/plain",
        "application/json; charset=utf-7",
        "[::1",
        "Basic YTpi",
      ),
      fc.constant("a".repeat(9_000)),
    ),
  )
  .map(([name, value]) => ({
    name: `header ${name}`,
    change: (draft) => ({ ...draft, headers: { ...draft.headers, [name]: value } }),
  }));

const ofQuery: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(fc.nat(), junk).map(([at, value]) => ({
    name: "query",
    change: (draft: Draft) => ({ ...draft, query: { ...draft.query, [nameAt(draft.query, at)]: value } }),
  })),
  fc
    .constantFrom(
      "%zz",
      "%ff=1",
      "limit=%c0%af",
      "limit=1&limit=1",
      "__proto__=1",
      "a[]=1",
      "&&&",
      "=",
      "x".repeat(9_000),
    )
    .map((rawQuery) => ({ name: "raw query", change: (draft: Draft) => ({ ...draft, rawQuery }) })),
);

const ofPath: fc.Arbitrary<Mutation> = fc.tuple(fc.nat(), junk).map(([at, value]) => ({
  name: "path",
  change: (draft) => ({ ...draft, path: { ...draft.path, [nameAt(draft.path, at)]: value } }),
}));

const ofBody: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(fc.nat(), junk).map(([at, value]) => ({
    name: "value",
    change: (draft: Draft) => ({ ...draft, body: replaced(draft.body, at, () => value) }),
  })),
  fc.nat().map((at) => ({
    name: "missing member",
    change: (draft: Draft) => ({ ...draft, body: replaced(draft.body, at, () => undefined) }),
  })),
  fc
    .tuple(fc.nat(), fc.oneof(fc.constantFrom("__proto__", "tenantId", "kind", "id", "constructor"), fc.string()), junk)
    .map(([at, name, value]) => ({
      name: "further member",
      change: (draft: Draft) => ({
        ...draft,
        body: replaced(draft.body, at, (old) =>
          old !== null && typeof old === "object" ? { ...old, [name]: value } : value,
        ),
      }),
    })),
);

const ofText: fc.Arbitrary<Mutation> = fc.oneof(
  fc.nat().map((at) => ({
    name: "cut off",
    change: (draft: Draft) => {
      const whole = JSON.stringify(draft.body);
      return { ...draft, text: whole.slice(0, at % whole.length) };
    },
  })),
  fc
    .tuple(
      fc.nat(),
      fc.constantFrom("\u0000", "\ufeff", "1e999", "9007199254740993", "{", "}", ",", '"', "//", "\\u0000"),
    )
    .map(([at, text]) => ({
      name: "inserted text",
      change: (draft: Draft) => {
        const whole = JSON.stringify(draft.body);
        const place = at % (whole.length + 1);
        return { ...draft, text: whole.slice(0, place) + text + whole.slice(place) };
      },
    })),
  fc
    .constantFrom("", "null", "[]", '""', "{}", '{"a":1,"a":2}', '{"a":'.repeat(40) + "1" + "}".repeat(40), "NaN")
    .map((text) => ({ name: "another body", change: withText(text) })),
  // Rarely, because it is large.
  fc.constantFrom(1, ...Array.from({ length: 40 }, () => 2)).map((size) => ({
    name: "large body",
    change: withText(`"${"x".repeat(size === 1 ? 1_048_577 : 20_000)}"`),
  })),
);

function withText(text: string) {
  return (draft: Draft): Draft => ({
    ...draft,
    text,
    headers: { "content-type": "application/json", ...draft.headers },
  });
}

function nameAt(members: object, at: number): string {
  const names = [...Object.keys(members), "surprise"];
  return names[at % names.length] ?? "surprise";
}

/** The value with one of its parts exchanged: `at` counts them, the whole being the first. */
function replaced(value: unknown, at: number, change: (old: unknown) => unknown): unknown {
  let left = at % partsOf(value);
  const visit = (part: unknown): unknown => {
    if (left-- === 0) return change(part);
    if (Array.isArray(part)) return part.map(visit);
    if (part === null || typeof part !== "object") return part;
    return Object.fromEntries(Object.entries(part).map(([name, member]) => [name, visit(member)]));
  };
  return visit(value);
}

function partsOf(value: unknown): number {
  if (value === null || typeof value !== "object") return 1;
  return Object.values(value).reduce<number>((sum, member) => sum + partsOf(member), 1);
}

function written(operation: DescribedOperation, mutation: string, draft: Draft): FuzzRequest {
  const path = operation.path.replaceAll(/\{(\w+)\}/gu, (_, name: string) => segment(draft.path[name]));
  const pairs = Object.entries(draft.query).map(([name, value]) => `${encoded(name)}=${encoded(textOf(value))}`);
  const search = [...pairs, ...(draft.rawQuery === undefined ? [] : [draft.rawQuery])].join("&");
  const body = draft.text ?? (operation.body === undefined ? undefined : JSON.stringify(draft.body));
  const target = search === "" ? path : `${path}?${search}`;
  const headers = Object.entries(draft.headers).map(([name, value]) => [name, sendable(value)] as const);
  return { operation, mutation, target, headers: Object.fromEntries(headers), body };
}

/** One part of a path that stays one: empty ones and dots would make another path, which is no operation's. */
function segment(value: unknown): string {
  const text = encoded(textOf(value));
  return text === "" || /^\.+$/u.test(text) ? "-" : text;
}

/** As much of the text as a header can hold. */
function sendable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e\xa0-\xff]/gu, "?").trim();
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(textOf).join(",");
  return typeof value === "string" ? value : JSON.stringify(value);
}

function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}
