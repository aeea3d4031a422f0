import type { HttpFunctionOptions, HttpHandler } from "@azure/functions";
import type { Permission } from "../auth/permissions.ts";
import type { Policy } from "../auth/policies.ts";
import { compose } from "../composition.ts";
import { type Contract, type Definition, type Method, type PolicyDemand, rememberContract } from "./contract.ts";
import { handleRequest } from "./handleRequest.ts";
import { logOf } from "./logLine.ts";

/**
 * One HTTP operation: an ordinary registration for `app.http`, whose handler takes a request the whole way of
 * `handleRequest`. The contract is enforced, and is what the API document and the permission matrix are made from.
 */
export function endpoint<
  M extends Method,
  Route extends string,
  P extends Permission,
  Q,
  B,
  S,
  R extends Policy = never,
>(definition: Definition<M, Route, P, Q, B, S, R> & PolicyDemand<Route, R>): HttpFunctionOptions {
  // The handler's types end here: what they promise is checked at run time against the same schemas.
  const contract = { errors: [], ...definition } as unknown as Contract;
  const handler: HttpHandler = async (request, context) => {
    compose();
    const { status, headers, body } = await handleRequest(contract, {
      operation: context.functionName,
      url: request.url,
      params: request.params,
      headers: request.headers,
      body: request.body as AsyncIterable<Uint8Array> | null,
      log: logOf(context),
    });
    return { status, headers, ...(body !== undefined && { body }) };
  };
  rememberContract(handler, contract);
  const route = definition.unversioned === true ? definition.route : `v1/${definition.route}`;
  return { methods: [definition.method], route, authLevel: "anonymous", handler };
}
