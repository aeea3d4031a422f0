import { Ajv2020 } from "ajv/dist/2020.js";
import type { ValidateFunction } from "ajv";
import addFormats from "ajv-formats";
import { type Schema, schemas } from "./document.ts";
import type { FuzzRequest } from "./requests.ts";

export interface FuzzAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, discriminator: true });
addFormats.default(ajv);
ajv.addSchema({ $id: "document", $defs: linked(schemas) });
const compiled = new Map<Schema, ValidateFunction>();

/** The same schema, for a validator that knows the named ones as those of `document`. */
function linked(schema: unknown): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/components/schemas/', '"document#/$defs/')) as object;
}

function fits(schema: Schema, value: unknown): string | undefined {
  const validate = compiled.get(schema) ?? ajv.compile(linked(schema));
  compiled.set(schema, validate);
  return validate(value) ? undefined : ajv.errorsText(validate.errors);
}

/** What only the inside of the product is called, and what its failures look like. */
const inside =
  /\n {4}at |node_modules|\.[jt]s:\d|(?:Type|Range|Syntax|Rest|Reference)Error|cosmos|azurite|sqlite|ECONN|_etag|_rid|_self|\/dist\//iu;

/** What is wrong with the answer, or undefined: it has to be one that the document describes, and say nothing of the inside. */
export function faultOf({ operation }: FuzzRequest, { status, headers, text }: FuzzAnswer): string | undefined {
  // That something does not answer is what readiness is asked for.
  if (status >= 500 && operation.id !== "getReadiness") return `answered ${status}`;
  const described = operation.answers[String(status)];
  if (described === undefined) return `${status} is not described`;
  if (headers["x-content-type-options"] !== "nosniff" || headers["content-security-policy"] === undefined)
    return "has no security headers";
  if (headers["x-request-id"] === undefined) return "has no request id";
  const types = Object.keys(described.content);
  const type = String(headers["content-type"] ?? "").split(";")[0] ?? "";
  if (types.length === 0) return text === "" ? undefined : "has a body that is not described";
  const schema = described.content[type]?.schema;
  if (schema === undefined) return `is ${type}, not ${types.join()}`;
  const misfit = fits(schema, type.endsWith("json") ? JSON.parse(text) : text);
  if (misfit !== undefined) return `does not fit: ${misfit}`;
  return status >= 400 && inside.test(text) ? `tells of the inside: ${inside.exec(text)?.[0] ?? ""}` : undefined;
}

/** What the frame refuses before a handler sees anything, and what it may have refused. */
const ofTheFrame = new Set([
  "malformed_json",
  "empty_body",
  "invalid_request",
  "invalid_idempotency_key",
  "invalid_precondition",
  "precondition_required",
  "unauthenticated",
  "forbidden",
  "tenant_suspended",
  "not_found",
  "body_too_large",
  "unsupported_media_type",
  "idempotency_mismatch",
  "in_progress",
  "rate_limited",
]);

/** Whether a handler ran for certain: a success, or a problem that only handlers know. */
export function reachedHandler({ operation }: FuzzRequest, { status, text }: FuzzAnswer): boolean {
  if (status < 400) return true;
  const { code } = JSON.parse(text) as { code: string };
  // A guest's link is looked at before the handler, too.
  return !ofTheFrame.has(code) && !(operation.credentials.includes("guestSession") && code.startsWith("link_"));
}
