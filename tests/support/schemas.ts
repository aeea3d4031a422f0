import { globSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import type { TSchema } from "@sinclair/typebox";
import { routeParameters } from "../../shared/triggers/contract.ts";
import type * as QueueTrigger from "../../shared/triggers/queueTrigger.ts";
import { operations } from "./contracts.ts";

const require = createRequire(import.meta.url);
const root = join(import.meta.dirname, "..", "..");

/** A schema of the product: what comes in, or what goes out, under a name for people. */
export interface Boundary {
  readonly name: string;
  readonly schema: TSchema;
  readonly direction: "in" | "out";
}

/** Every schema at an edge of the product: route parameters, queries, bodies, answers, queue messages. */
export function boundaries(): readonly Boundary[] {
  const ofRoutes = Object.entries(routeParameters).map(([name, schema]) => incoming(`{${name}}`, schema));
  const ofOperations = operations.flatMap(({ name, contract: { query, body, success } }) => [
    ...(query === undefined ? [] : [incoming(`${name} query`, query)]),
    ...(body === undefined ? [] : [incoming(`${name} body`, body)]),
    ...(success.body === undefined
      ? []
      : [{ name: `${name} answer`, schema: success.body, direction: "out" as const }]),
  ]);
  return [...ofRoutes, ...ofOperations, ...messages()];
}

function incoming(name: string, schema: TSchema): Boundary {
  return { name, schema, direction: "in" };
}

function messages(): Boundary[] {
  const { messageSchemaForTests } = require("../../shared/triggers/queueTrigger.ts") as typeof QueueTrigger;
  return globSync("functions/*/*.ts", { cwd: root }).flatMap((file) => {
    const name = basename(file, ".ts");
    const options = (require(join(root, file)) as Record<string, object>)[name] ?? {};
    const schema = messageSchemaForTests(options);
    return schema === undefined ? [] : [incoming(`${name} message`, schema)];
  });
}

/** A schema inside another one, with the way to it: e.g. `/questions/…/label`. */
export interface Place {
  readonly path: string;
  readonly schema: TSchema;
}

/** The schema and every schema inside of it. */
export function places(schema: TSchema, path = ""): Place[] {
  const inner = (name: string, member: unknown) => places(member as TSchema, `${path}/${name}`);
  const members = { ...(schema["properties"] as object), ...(schema["patternProperties"] as object) };
  const variants = [...listOf(schema["oneOf"]), ...listOf(schema["anyOf"]), ...listOf(schema["allOf"])];
  return [
    { path, schema },
    ...Object.entries(members).flatMap(([name, member]) => inner(name, member)),
    ...(schema["items"] === undefined ? [] : inner("*", schema["items"])),
    ...variants.flatMap((variant) => places(variant, path)),
  ];
}

function listOf(value: unknown): readonly TSchema[] {
  return (value ?? []) as readonly TSchema[];
}

/** The types that a value at the place can have. */
export function typesOf({ type }: TSchema): readonly unknown[] {
  return [type].flat();
}
