import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A JSON Schema, as the API document has it. */
export type Schema = Readonly<Record<string, unknown>>;

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required: boolean;
  readonly schema: Schema;
}

export interface DescribedAnswer {
  /** By media type; none where the answer has no body. */
  readonly content: Readonly<Record<string, { readonly schema: Schema }>>;
}

/** An operation as somebody knows it who has nothing but the API document. */
export interface DescribedOperation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly Parameter[];
  readonly body: Schema | undefined;
  /** Names of the security schemes of which one is needed; none where everybody may call. */
  readonly credentials: readonly string[];
  readonly answers: Readonly<Record<string, DescribedAnswer>>;
}

interface Described {
  readonly operationId: string;
  readonly parameters?: readonly Schema[];
  readonly requestBody?: { readonly content: { readonly "application/json": { readonly schema: Schema } } };
  readonly security: readonly Schema[];
  readonly responses: Readonly<Record<string, Schema>>;
}

const file = join(import.meta.dirname, "..", "..", "docs", "openapi.json");
const document = JSON.parse(readFileSync(file, "utf8")) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
};
export const schemas = document.components.schemas;

/** What a reference of the document leads to; anything else is itself. */
export function resolved(value: Schema): Schema {
  const { $ref } = value;
  if (typeof $ref !== "string") return value;
  const target = $ref
    .slice(2)
    .split("/")
    .reduce<unknown>((at, name) => (at as Schema)[name], document);
  return resolved(target as Schema);
}

export const operations: readonly DescribedOperation[] = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, described]) => ({
    id: described.operationId,
    method: method.toUpperCase(),
    path,
    parameters: (described.parameters ?? []).map((each) => {
      const { name, in: place, required, schema } = resolved(each) as unknown as Parameter;
      return { name, in: place, required: (required as boolean | undefined) === true, schema };
    }),
    body: described.requestBody?.content["application/json"].schema,
    credentials: described.security.flatMap((scheme) => Object.keys(scheme)),
    answers: Object.fromEntries(
      Object.entries(described.responses).map(([status, answer]) => {
        const { content = {} } = resolved(answer) as unknown as Partial<DescribedAnswer>;
        return [status, { content }];
      }),
    ),
  })),
);
