import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import { LocalError } from "../service.ts";
import type { AppFunction } from "./app.ts";
import { eventGridPath } from "./eventGrid.ts";
import { type Found, buffered, end, streamed } from "./httpExchange.ts";
import type { Invoker } from "./invoke.ts";
import { createLimiter } from "./limiter.ts";
import { type Route, hides, matchRoute, parseRoute } from "./routes.ts";
import type { HostSettings } from "./settings.ts";

export interface HttpOptions {
  readonly functions: readonly AppFunction[];
  readonly invoker: Invoker;
  readonly settings: HostSettings;
  /** Bytes that a body may have. */
  readonly bodyLimit: number;
  /** The library's proxy when the app streams. */
  readonly httpUri: string | undefined;
  /** Answers what is below `/admin/`. */
  readonly admin: (request: IncomingMessage, response: ServerResponse, path: string) => Promise<void>;
  /** Answers what Event Grid posts. */
  readonly eventGrid: (request: IncomingMessage, response: ServerResponse, target: URL) => Promise<void>;
}

interface Endpoint {
  readonly fn: AppFunction;
  readonly methods: readonly string[];
  readonly route: Route;
}

const maxHeaderBytes = 32_768;
const maxHeaders = 100;

/**
 * The HTTP half of the host. A path without a function, or with one for other methods only, is 404 as in Azure; a
 * handler that throws is an empty 500. Throws {@link LocalError} for routes and keys the local host does not have.
 */
export function createHttpServer(options: HttpOptions): Server {
  const endpoints = endpointsOf(options);
  const limited = createLimiter(options.settings.maxConcurrentRequests);
  let outstanding = 0;

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    if (request.rawHeaders.length / 2 > maxHeaders) {
      end(response, 431);
      return;
    }
    const target = targetOf(request);
    if (target === undefined) {
      end(response, 400);
      return;
    }
    if (target.pathname.toLowerCase().startsWith("/admin/")) {
      await options.admin(request, response, target.pathname);
      return;
    }
    if (target.pathname.toLowerCase() === eventGridPath) {
      await options.eventGrid(request, response, target);
      return;
    }
    const found = find(endpoints, request.method ?? "", target.pathname);
    if (found === undefined || found === "malformed") {
      end(response, found === undefined ? 404 : 400);
      return;
    }
    if (outstanding >= options.settings.maxOutstandingRequests) {
      end(response, 429);
      return;
    }
    outstanding += 1;
    try {
      await limited(() =>
        options.httpUri === undefined
          ? buffered(options, found, { request, response, target })
          : streamed(options, options.httpUri, found, { request, response, target }),
      );
    } finally {
      outstanding -= 1;
    }
  };

  return createServer({ maxHeaderSize: maxHeaderBytes }, (request, response) => {
    answer(request, response).catch(() => {
      // Only a connection that broke halfway comes here.
      response.destroy();
    });
  });
}

function endpointsOf({ functions, settings }: HttpOptions): readonly Endpoint[] {
  const endpoints = functions.map((fn): Endpoint => {
    const { authLevel, methods, route } = fn.trigger;
    if (authLevel !== "anonymous")
      throw new LocalError(
        `The function ${fn.name} asks for the authLevel "${String(authLevel)}": use "anonymous", the app authenticates callers itself.`,
      );
    const path = typeof route === "string" && route !== "" ? route : fn.name;
    return {
      fn,
      methods: (methods as readonly string[]).map((method) => method.toUpperCase()),
      route: parseRoute(settings.routePrefix === "" ? path : `${settings.routePrefix}/${path}`),
    };
  });
  endpoints.sort((a, b) => (a.fn.name.toLowerCase() < b.fn.name.toLowerCase() ? -1 : 1));
  refuseHidden(endpoints);
  return endpoints.filter(({ fn }) => !fn.disabled);
}

/**
 * Azure tries routes in the order of the functions' names, whatever is more exact, and never tells of one that is not
 * reached: https://github.com/Azure/azure-functions-host/issues/9876
 */
function refuseHidden(endpoints: readonly Endpoint[]): void {
  for (const [index, later] of endpoints.entries())
    for (const earlier of endpoints.slice(0, index)) {
      const method = later.methods.find((name) => earlier.methods.includes(name));
      if (method !== undefined && hides(earlier.route, later.route))
        throw new LocalError(
          `${method} /${later.route.template} never reaches ${later.fn.name}: Azure tries functions by name, and /${earlier.route.template} of ${earlier.fn.name} comes first. Constrain a parameter, e.g. {id:length(30)}, or rename a function.`,
        );
    }
}

function find(endpoints: readonly Endpoint[], method: string, path: string): Found | "malformed" | undefined {
  try {
    for (const { fn, methods, route } of endpoints) {
      if (!methods.includes(method)) continue;
      const params = matchRoute(route, path);
      if (params !== undefined) return { fn, params };
    }
    return undefined;
  } catch {
    return "malformed";
  }
}

function targetOf(request: IncomingMessage): URL | undefined {
  const { url = "/", headers } = request;
  if (!url.startsWith("/")) return undefined;
  const text = `http://${headers.host ?? "localhost"}${url}`;
  return URL.canParse(text) ? new URL(text) : undefined;
}
