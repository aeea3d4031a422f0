import { ulid } from "ulid";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { commonErrors, type Contract } from "../../shared/triggers/contract.ts";
import { type ProblemCode, problems } from "../../shared/web/problem.ts";
import type { Answer } from "../../local/client.ts";
import { type Request, brokenPromises, send } from "../support/contracts.ts";
import { every, requestOn } from "./cases.ts";
import { type Side, newSide } from "./side.ts";

let side: Side;
beforeAll(async () => {
  side = await newSide();
});
afterAll(async () => {
  expect(await brokenPromises()).toEqual([]);
});

interface ProblemBody {
  readonly code: ProblemCode;
  readonly requestId: string;
  readonly errors?: readonly { readonly pointer: string; readonly code: string }[];
}

/** Every answer that is no success has this shape, whatever went wrong. */
function expectProblem(contract: Contract, answer: Answer<ProblemBody>, code: ProblemCode, pointer?: string): void {
  const [status, title] = problems[code];
  expect(answer.body).toMatchObject({ type: `urn:callpilot:problem:${code}`, title, status, code });
  expect(answer.status).toBe(status);
  expect(answer.headers.get("content-type")).toBe("application/problem+json; charset=utf-8");
  expect(answer.headers.get("cache-control")).toContain("no-store");
  expect(answer.body.requestId).toBe(answer.headers.get("x-request-id"));
  expect(answer.headers.get("www-authenticate")).toBe(status === 401 ? "Bearer" : null);
  expect(answer.text).not.toContain(".js:");
  expect([...commonErrors(contract), ...contract.errors]).toContain(code);
  if (pointer !== undefined) expect(answer.body.errors?.[0]?.pointer).toBe(pointer);
}

type Fault = readonly [label: string, code: ProblemCode, break_: (request: Request) => Request, pointer?: string];

interface Members {
  readonly properties?: Readonly<Record<string, { readonly type?: unknown; readonly enum?: unknown }>>;
  readonly required?: readonly string[];
}

const raw = (body: string) => (request: Request) => ({ ...request, body });
const withHeaders = (more: Record<string, string>) => (request: Request) => ({
  ...request,
  headers: { ...request.headers, ...more },
});
const withMembers = (more: object) => (request: Request) => ({
  ...request,
  body: { ...(request.body as object), ...more },
});
const withQuery = (more: Record<string, string>) => (request: Request) => ({
  ...request,
  query: { ...request.query, ...more },
});

const megabyte = 1_048_576;
const padded = (size: number) => (request: Request) => ({
  ...request,
  body: JSON.stringify(request.body).padEnd(size),
});

function bodyFaults({ body }: Contract): Fault[] {
  const { properties = {}, required = [] } = body as unknown as Members;
  const nested = '{"a":'.repeat(20) + "1" + "}".repeat(20);
  return [
    ["malformed JSON", "malformed_json", raw('{"unfinished":')],
    ["bytes that are no UTF-8 text in JSON", "invalid_request", withMembers({ surprise: "\ud800" })],
    ["another content type", "unsupported_media_type", withHeaders({ "content-type": "text/plain" })],
    ["another charset", "unsupported_media_type", withHeaders({ "content-type": "application/json; charset=utf-16" })],
    ["a packed body", "unsupported_media_type", withHeaders({ "content-encoding": "gzip" })],
    [
      "a byte order mark",
      "malformed_json",
      (request) => ({ ...request, body: `\ufeff${JSON.stringify(request.body)}` }),
    ],
    ["a number that would be rounded", "invalid_request", raw('{"surprise":9007199254740993}'), ""],
    ["two members of one name", "invalid_request", raw('{"surprise":1,"surprise":1}'), ""],
    ["an empty body", "empty_body", raw("")],
    ["one byte more than a megabyte", "body_too_large", padded(megabyte + 1)],
    ["a list", "invalid_request", raw("[]"), ""],
    ["null", "invalid_request", raw("null"), ""],
    ["nesting without end", "invalid_request", raw(nested)],
    ["an unknown field", "invalid_request", withMembers({ surprise: 1 }), "/surprise"],
    ["fields that only the server sets", "invalid_request", withMembers({ tenantId: "tnt_0", kind: "x" }), "/tenantId"],
    ["a prototype", "invalid_request", raw('{"__proto__":{"admin":true}}')],
    ...Object.entries(properties).map(([name, { type }]): Fault => [
      `a wrong type at ${name}`,
      "invalid_request",
      withMembers({ [name]: type === "object" ? 1 : {} }),
      `/${name}`,
    ]),
    ...required.map((name): Fault => [
      `nothing at ${name}`,
      "invalid_request",
      withMembers({ [name]: undefined }),
      `/${name}`,
    ]),
  ];
}

/** Clients send none with GET; what they do send does not arrive here. */
function strangeBody({ method }: Contract): Fault[] {
  return method === "GET" ? [] : [["a body", "invalid_request", raw("{}"), ""]];
}

function queryFaults({ query }: Contract): Fault[] {
  const { properties = {} } = (query ?? {}) as Members;
  const checked = Object.entries(properties).filter(
    ([, { type, enum: words }]) => type !== "string" || words !== undefined,
  );
  return [
    ["an unknown parameter", "invalid_request", withQuery({ surprise: "1" }), "/surprise"],
    ["a tenant's id", "invalid_request", withQuery({ tenantId: "tnt_0" }), "/tenantId"],
    ...checked.map(([name, { type }]): Fault => [
      `a wrong word at ${name}`,
      "invalid_request",
      withQuery({ [name]: "-x-" }),
      type === "array" ? `/${name}/0` : `/${name}`,
    ]),
  ];
}

/** Three parts like a token's, of an algorithm that proves nothing. */
const unsigned = `${encoded({ alg: "none", typ: "JWT" })}.${encoded({ sub: "owner", tenant_id: "tnt_0" })}.x`;

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

const credentialFaults: readonly Fault[] = [
  ["no token", "unauthenticated", (request) => ({ ...request, token: undefined })],
  ["a garbage token", "unauthenticated", (request) => ({ ...request, token: "garbage".repeat(10) })],
  ["an unsigned token", "unauthenticated", (request) => ({ ...request, token: unsigned })],
  [
    "a changed token",
    "unauthenticated",
    ({ token = "", ...request }) => ({
      ...request,
      token: token.slice(0, -8) + (token.endsWith("AAAAAAAA") ? "BBBBBBBB" : "AAAAAAAA"),
    }),
  ],
  [
    "another scheme",
    "unauthenticated",
    (request) => ({
      ...request,
      token: undefined,
      headers: { ...request.headers, authorization: "Basic b3duZXI6b3duZXI=" },
    }),
  ],
];

describe.each(every())("%s refuses", (_, operation) => {
  const { contract } = operation;
  let request: Request;
  beforeAll(async () => {
    request = await requestOn(side, operation);
  });

  const keyFaults: Fault[] = [
    ["a key with a space", "invalid_idempotency_key", withHeaders({ "idempotency-key": "a key" })],
  ];
  const faults: Fault[] = [
    ...(contract.permission === "public" ? [] : credentialFaults),
    ...queryFaults(contract),
    ...(contract.body === undefined ? strangeBody(contract) : bodyFaults(contract)),
    ...(contract.method === "POST" && contract.repeat !== "natural" ? keyFaults : []),
  ];
  const labelled = faults.map((each) => [each[0], each] as const);
  test.each(labelled)("%s", async (_label, [, code, broken, pointer]) => {
    expectProblem(contract, await send<ProblemBody>(contract, broken(request)), code, pointer);
  });

  test("nothing of what it was made for", async () => {
    const large = contract.body === undefined ? request : padded(megabyte)(request);
    // Where a repeat is harmless, a key means nothing.
    const whole = contract.repeat === "natural" ? withHeaders({ "idempotency-key": "a key" })(large) : large;
    const requestId = ulid();
    const { status, headers } = await send(contract, withHeaders({ "x-request-id": requestId })(whole));
    expect(status).toBe(contract.success.status);
    expect(headers.get("x-request-id")).toBe(requestId);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
  });
});
