import { type Static, type TSchema } from "@sinclair/typebox";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { ErrorObject, ValidateFunction } from "ajv";
import addFormats from "ajv-formats";
import { lazy } from "./lazy.ts";
import { type FieldError, Problem } from "./web/problem.ts";

const ajv = lazy(() => {
  const instance = new Ajv2020({
    allErrors: false,
    strict: true,
    strictTypes: false,
    // A union by discriminator requires a member that its alternatives define.
    strictRequired: false,
    unicodeRegExp: true,
    discriminator: true,
  });
  addFormats.default(instance, ["date-time", "date", "email", "uri"]);
  return instance;
});

const compiled = new WeakMap<TSchema, ValidateFunction>();

/** The first thing that is wrong with the value, or undefined. Compiles the schema on first use. */
export function fault(schema: TSchema, value: unknown): FieldError | undefined {
  let validate = compiled.get(schema);
  if (validate === undefined) {
    validate = ajv().compile(schema);
    compiled.set(schema, validate);
  }
  if (validate(value)) return undefined;
  const error = validate.errors?.[0];
  return error === undefined ? { pointer: "", code: "invalid", message: "is not valid" } : fieldError(error);
}

/** The value as the schema's type. Throws the problem `invalid_request` naming the first fault under `at`. */
export function valid<S extends TSchema>(schema: S, value: unknown, at = ""): Static<S> {
  const found = fault(schema, value);
  if (found === undefined) return value;
  throw new Problem("invalid_request", { errors: [{ ...found, pointer: at + found.pointer }] });
}

function fieldError({ keyword, instancePath, params, message }: ErrorObject): FieldError {
  const { additionalProperty, missingProperty } = params as { additionalProperty?: string; missingProperty?: string };
  if (additionalProperty !== undefined)
    return {
      pointer: `${instancePath}/${escapePointer(additionalProperty)}`,
      code: "unknown_field",
      message: "is not known here",
    };
  if (missingProperty !== undefined)
    return { pointer: `${instancePath}/${escapePointer(missingProperty)}`, code: "required", message: "is required" };
  return { pointer: instancePath, code: keyword, message: message ?? "is not valid" };
}

/** A member's name as a part of a JSON pointer (RFC 6901), cut where it is absurdly long. */
export function escapePointer(name: string): string {
  return name.slice(0, 64).replaceAll("~", "~0").replaceAll("/", "~1");
}
