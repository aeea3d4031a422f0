import { app } from "@azure/functions";
import { Type } from "@sinclair/typebox";
import document from "../../docs/openapi.json" with { type: "json" };
import { Reply } from "../../shared/triggers/contract.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";

/** The API's own description, made from the contracts that are enforced. */
export const getOpenApi = endpoint({
  method: "GET",
  route: "openapi.json",
  permission: "public",
  summary: "API description",
  success: {
    status: 200,
    body: Type.Unknown({
      description: "OpenAPI 3.1",
      $comment: "As open as the standard; made by us from the contracts",
    }),
    etag: true,
  },
  handler: () => Promise.resolve(new Reply<unknown>(document, { etag: document.info.version })),
});
app.http("getOpenApi", getOpenApi);
