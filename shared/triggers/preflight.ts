import type { HttpFunctionOptions } from "@azure/functions";
import { config } from "../config.ts";
import { corsHeaders, preflightHeaders, securityHeaders } from "../web/headers.ts";
import type { Method } from "./contract.ts";

const methods: readonly Method[] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/**
 * Registers the answer to OPTIONS on every path: what a page of an allowed origin may send, whether or not the path
 * exists, and nothing to any other origin. It reveals and changes nothing, so nobody has to be known for it.
 */
export function preflight(): HttpFunctionOptions {
  return {
    methods: ["OPTIONS"],
    route: "{*path}",
    authLevel: "anonymous",
    handler: (request) => {
      const cors = corsHeaders(request.headers.get("origin") ?? undefined, config().api.corsOrigins);
      const allowed = "access-control-allow-origin" in cors;
      return { status: 204, headers: { ...securityHeaders, ...cors, ...(allowed && preflightHeaders(methods)) } };
    },
  };
}
