import { requestIdPattern } from "../../shared/triggers/requestId.ts";

/** What every operation shares. */
const header = (name: string, description: string, schema: object = { type: "string" }) => ({
  name,
  in: "header",
  description,
  schema,
});
const answer = (description: string, type = "string") => ({ description, schema: { type } });

export const components = {
  securitySchemes: {
    member: {
      type: "http",
      scheme: "bearer",
      bearerFormat: "JWT",
      description: "OIDC access token of a member, or of a person who accepts an invitation",
    },
    serviceKey: {
      type: "http",
      scheme: "bearer",
      description: "Credential of POST /v1/keys, with the scopes that are named",
    },
    operator: {
      type: "http",
      scheme: "bearer",
      bearerFormat: "JWT",
      description: "OIDC access token with the role platform_operator",
    },
    accessSession: {
      type: "http",
      scheme: "bearer",
      description: "Bearer that an operator gets for a survey that the tenant has granted access to",
    },
    guestSession: {
      type: "http",
      scheme: "bearer",
      description: "Bearer that POST /v1/guest/session gives for a link's token",
    },
  },
  parameters: {
    IdempotencyKey: header(
      "Idempotency-Key",
      "A repeat with the same key and body has no second effect, for 24 hours",
      {
        type: "string",
        pattern: "^[\\x21-\\x7e]{1,255}$",
        maxLength: 255,
      },
    ),
    IfMatch: { ...header("If-Match", "ETag of the version that was read"), required: true },
    IfMatchOrCreate: header("If-Match", "ETag of the version that was read"),
    Create: header("If-None-Match", "`*` to create, instead of If-Match", { type: "string", enum: ["*"] }),
    IfNoneMatch: header("If-None-Match", "ETags of answers that are known already; 304 if it is one of them"),
    RequestId: header("X-Request-Id", "Named in logs, events and the answer; made where there is none", {
      type: "string",
      pattern: requestIdPattern,
    }),
  },
  headers: {
    ETag: answer("Version of the answer"),
    "Idempotent-Replayed": answer("`true` on a repeated answer"),
    Location: answer("Address of what was made or started"),
    RateLimit: answer("What is left of each policy (IETF draft RateLimit header fields)"),
    "RateLimit-Policy": answer(
      "How many requests in how many seconds: of the caller or guest, and of all callers of the tenant together",
    ),
    "Retry-After": answer("Seconds after which a repeat may succeed", "integer"),
    "WWW-Authenticate": answer("The scheme to authenticate with"),
    "X-Request-Id": answer("To quote in support"),
  },
  schemas: {
    Problem: {
      type: "object",
      description: "RFC 9457; an operation may add members",
      required: ["type", "title", "status", "code", "requestId"],
      properties: {
        type: { type: "string", format: "uri" },
        title: { type: "string" },
        status: { type: "integer" },
        detail: { type: "string" },
        code: { type: "string" },
        requestId: { type: "string" },
        errors: {
          type: "array",
          items: {
            type: "object",
            required: ["pointer", "code", "message"],
            properties: {
              pointer: { type: "string", description: "JSON pointer (RFC 6901)" },
              code: { type: "string" },
              message: { type: "string" },
            },
          },
        },
      },
    },
  },
} as const;
