import type { TSchema } from "@sinclair/typebox";
import type { Contract } from "../../shared/triggers/contract.ts";
import { fault } from "../../shared/validator.ts";
import { type Operation, operations } from "../support/contracts.ts";
import { places, typesOf } from "../support/schemas.ts";
import { payloads } from "./payloads.ts";

/** A text in the body of an operation. */
export interface TextField {
  readonly operation: Operation;
  /** Names on the way to it; `*` for any item of a list. */
  readonly path: readonly string[];
  /** Operation and path, for people. */
  readonly name: string;
  /** The payloads that its schema takes. */
  readonly takes: readonly string[];
  /** Whether people may write what they like: the schema takes markup. */
  readonly free: boolean;
}

/** Every text that an operation takes in its body. */
export function textFields(): readonly TextField[] {
  return operations.flatMap((operation) => {
    const { body } = operation.contract;
    return body === undefined ? [] : fieldsOf(operation, body);
  });
}

function fieldsOf(operation: Operation, body: TSchema): TextField[] {
  const byName = new Map<string, TextField>();
  for (const { path, schema } of places(body)) {
    if (!typesOf(schema).includes("string") || "enum" in schema) continue;
    const name = `${operation.name} ${path.slice(1)}`;
    const takes = payloads.filter((payload) => fault(schema, payload.normalize("NFC")) === undefined);
    const free = takes.some((payload) => payload.includes("<"));
    byName.set(name, { operation, path: path.slice(1).split("/"), name, takes, free });
  }
  return [...byName.values()];
}

/** The body with the text at the path: in the first item of a list where it fits, e.g. in a question that has options. */
export function withText({ body }: Contract, value: unknown, path: readonly string[], text: string): unknown {
  const found = placed(value, path, text).find(
    (candidate) => body !== undefined && fault(body, candidate) === undefined,
  );
  if (found === undefined) throw new Error(`no valid body has a text at ${path.join("/")}: ${JSON.stringify(value)}`);
  return found;
}

function placed(value: unknown, [name, ...rest]: readonly string[], text: string): unknown[] {
  if (name === undefined) return [text];
  if (name === "*") {
    const items = Array.isArray(value) ? (value as readonly unknown[]) : [undefined];
    return items.flatMap((item, at) => placed(item, rest, text).map((changed) => items.with(at, changed)));
  }
  const members = (value ?? {}) as Readonly<Record<string, unknown>>;
  return placed(members[name], rest, text).map((changed) => ({ ...members, [name]: changed }));
}
