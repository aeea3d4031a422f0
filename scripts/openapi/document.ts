import { STATUS_CODES } from "node:http";
import { type TSchema } from "@sinclair/typebox";
import { allows } from "../../shared/auth/permissions.ts";
import { scopes } from "../../shared/keys/apiKey.ts";
import { type Contract, commonErrors, parameterNames, routeParameters } from "../../shared/triggers/contract.ts";
import { type ProblemCode, problems } from "../../shared/web/problem.ts";
import { components } from "./components.ts";
import type { Operation } from "./loadOperations.ts";
import { Schemas } from "./schemas.ts";

type Json = Readonly<Record<string, unknown>>;

const json = "application/json";
const ref = (kind: "parameters" | "headers" | "responses" | "schemas", name: string) => ({
  $ref: `#/components/${kind}/${name}`,
});

/** The API as an OpenAPI 3.1 document: the same for the same contracts. */
export function openApiDocument(operations: readonly Operation[], schemaNames: ReadonlyMap<string, string>): Json {
  const schemas = new Schemas(schemaNames);
  const failures: Record<string, Json> = {};
  const paths: Record<string, Record<string, Json>> = {};
  const sorted = operations.toSorted((one, other) => (pathOf(one.contract) < pathOf(other.contract) ? -1 : 1));
  for (const operation of sorted)
    (paths[pathOf(operation.contract)] ??= {})[operation.contract.method.toLowerCase()] = described(
      operation,
      schemas,
      failures,
    );
  return {
    openapi: "3.1.0",
    jsonSchemaDialect: "https://json-schema.org/draft/2020-12/schema",
    info: {
      title: "Callpilot",
      version: "1.0.0",
      summary: "Video surveys for companies and their guests",
      description:
        "Errors are problem details (RFC 9457): program against `code`. What is not there and what is not yours are the same 404.",
    },
    servers: [{ url: "/" }],
    tags: [...new Set(operations.map(({ folder }) => folder))].sort().map((name) => ({ name })),
    paths,
    components: {
      ...components,
      responses: Object.fromEntries(Object.entries(failures).sort(([one], [other]) => (one < other ? -1 : 1))),
      schemas: { ...components.schemas, ...schemas.named() },
    },
  };
}

function pathOf({ route, unversioned }: Contract): string {
  return unversioned === true ? `/${route}` : `/v1/${route}`;
}

function described({ name, folder, contract }: Operation, schemas: Schemas, failures: Record<string, Json>): Json {
  const { summary, description, body } = contract;
  return {
    operationId: name,
    tags: [folder],
    summary,
    ...(description !== undefined && { description }),
    security: securityOf(contract),
    parameters: parametersOf(contract, schemas),
    ...(body !== undefined && {
      requestBody: { required: true, content: { [json]: { schema: schemas.use(body) } } },
    }),
    responses: responsesOf(contract, schemas, failures),
  };
}

function securityOf({ permission }: Contract): Json[] {
  if (permission === "public") return [];
  if (permission.startsWith("guest:")) return [{ guestSession: [] }];
  if (permission === "tenants:manage" || permission === "access:request") return [{ operator: [] }];
  if (permission === "operations:read") return [{ member: [] }, { operator: [] }];
  return [
    { member: [] },
    ...scopes.filter((scope) => scope === permission).map((scope) => ({ serviceKey: [scope] })),
    ...(allows(permission, "support") ? [{ accessSession: [] }] : []),
  ];
}

function parametersOf(contract: Contract, schemas: Schemas): Json[] {
  const required = new Set<string>(contract.query?.required ?? []);
  const { method, precondition, repeat, success } = contract;
  return [
    ...parameterNames(contract.route).map((name) => ({
      name,
      in: "path",
      required: true,
      schema: schemas.use(routeParameters[name as keyof typeof routeParameters]),
    })),
    ...Object.entries(contract.query?.properties ?? {}).map(([name, schema]) => ({
      name,
      in: "query",
      ...(required.has(name) && { required: true }),
      ...descriptionOf(schema),
      ...(schema["type"] === "array" && { style: "form", explode: false }),
      schema: schemas.use(schema),
    })),
    ...(method === "POST" && typeof repeat === "function" ? [ref("parameters", "IdempotencyKey")] : []),
    ...(precondition === "match" ? [ref("parameters", "IfMatch")] : []),
    ...(precondition === "match-or-create" ? [ref("parameters", "IfMatchOrCreate"), ref("parameters", "Create")] : []),
    ...(method === "GET" && success.etag === true ? [ref("parameters", "IfNoneMatch")] : []),
    ref("parameters", "RequestId"),
  ];
}

function descriptionOf({ description }: TSchema): Json {
  return description === undefined ? {} : { description };
}

/** Failures stand once, in the components, under their codes: many operations share them. */
function responsesOf(contract: Contract, schemas: Schemas, failures: Record<string, Json>): Json {
  const { success, method } = contract;
  const codes = [...new Set<ProblemCode>([...commonErrors(contract), ...contract.errors])].sort();
  const byStatus = Map.groupBy(codes, (code) => problems[code][0]);
  const responses: Record<string, Json> = { [success.status]: successOf(contract, schemas) };
  if (method === "GET" && success.etag === true)
    responses["304"] = { description: "Not Modified", headers: headersOf(["ETag"]) };
  for (const [status, each] of byStatus) {
    const name = each.join("-");
    failures[name] ??= failure(status, each);
    responses[status] = ref("responses", name);
  }
  return responses;
}

function successOf({ success, method, repeat }: Contract, schemas: Schemas): Json {
  const { status, body, etag, location, document } = success;
  const replayable = method === "POST" && typeof repeat === "function";
  return {
    description: STATUS_CODES[status],
    headers: headersOf([
      ...(etag === true ? ["ETag"] : []),
      ...(location === true ? ["Location"] : []),
      ...(replayable ? ["Idempotent-Replayed"] : []),
    ]),
    ...(body !== undefined && { content: { [json]: { schema: schemas.use(body) } } }),
    ...(document !== undefined && { content: { [document]: { schema: { type: "string" } } } }),
  };
}

function failure(status: number, codes: readonly ProblemCode[]): Json {
  const own = { properties: { code: { enum: codes } } };
  return {
    description: `${STATUS_CODES[status] ?? status}: ${codes.join(", ")}`,
    headers: headersOf([
      ...(status === 401 ? ["WWW-Authenticate"] : []),
      ...([409, 429, 503].includes(status) ? ["Retry-After"] : []),
    ]),
    content: { "application/problem+json": { schema: { allOf: [ref("schemas", "Problem"), own] } } },
  };
}

function headersOf(own: readonly string[]): Json {
  const names = [...own, "RateLimit", "RateLimit-Policy", "X-Request-Id"];
  return Object.fromEntries(names.map((name) => [name, ref("headers", name)]));
}
