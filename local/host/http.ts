import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { type IncomingMessage, type Server, type ServerResponse, createServer, request as forward } from "node:http";
import { pipeline } from "node:stream/promises";
import { LocalError } from "../service.ts";
import type { AppFunction } from "./app.ts";
import { serializeCookie } from "./cookies.ts";
import type { HttpResponseData, TypedData } from "./core.ts";
import type { Invoker } from "./invoke.ts";
import { createLimiter } from "./limiter.ts";
import { type Route, compareRoutes, matchRoute, parseRoute, shapeOf } from "./routes.ts";
import type { HostSettings } from "./settings.ts";

export interface HttpOptions {
  readonly functions: readonly AppFunction[];
  readonly invoker: Invoker;
  readonly settings: HostSettings;
  /** Bytes; more is answered 413. */
  readonly bodyLimit: number;
  /** The library's proxy when the app streams. */
  readonly httpUri: string | undefined;
  /** Answers what is below `/admin/`. */
  readonly admin: (request: IncomingMessage, response: ServerResponse, path: string) => Promise<void>;
}

interface Endpoint {
  readonly fn: AppFunction;
  readonly methods: readonly string[];
  readonly route: Route;
}

const maxHeaderBytes = 32_768;
const maxHeaders = 100;
// RFC 9110, 7.6.1: what concerns one connection is not forwarded.
const hopByHop = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

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
          ? buffered(options, found, request, response, target)
          : streamed(options, options.httpUri, found, request, response, target),
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

interface Found {
  readonly fn: AppFunction;
  readonly params: Readonly<Record<string, string>>;
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
  const taken = new Map<string, string>();
  for (const { fn, methods, route } of endpoints)
    for (const method of methods) {
      const key = `${method} ${shapeOf(route)}`;
      const other = taken.get(key);
      if (other !== undefined)
        throw new LocalError(`The functions ${other} and ${fn.name} both answer ${method} /${route.template}.`);
      taken.set(key, fn.name);
    }
  return endpoints.filter(({ fn }) => !fn.disabled).sort((a, b) => compareRoutes(a.route, b.route));
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

async function buffered(
  { invoker, bodyLimit }: HttpOptions,
  { fn, params }: Found,
  request: IncomingMessage,
  response: ServerResponse,
  target: URL,
): Promise<void> {
  const bytes = await readBytes(request, bodyLimit);
  if (bytes === undefined) {
    end(response, 413);
    return;
  }
  const http = {
    method: request.method ?? "GET",
    url: target.href,
    nullableHeaders: nullable(headersOf(request)),
    nullableParams: nullable(params),
    ...(bytes.length > 0 && { body: { bytes } }),
  };
  try {
    const { returnValue } = await invoker.invoke(fn, { data: { http } });
    if (returnValue?.http === undefined) end(response, 204);
    else send(response, returnValue.http);
  } catch {
    end(response, 500);
  }
}

/** With `enableHttpStream` the library serves requests itself; the host forwards to it and pairs both by invocation. */
async function streamed(
  { invoker, bodyLimit }: HttpOptions,
  httpUri: string,
  { fn, params }: Found,
  request: IncomingMessage,
  response: ServerResponse,
  target: URL,
): Promise<void> {
  if (Number(request.headers["content-length"] ?? 0) > bodyLimit) {
    end(response, 413);
    return;
  }
  const invocationId = randomUUID();
  const headers = headersOf(request);
  const proxied = forward(new URL(target.pathname + target.search, httpUri), {
    method: request.method,
    agent: false,
    headers: {
      ...withoutHopByHop(headers),
      "x-ms-invocation-id": invocationId,
      "x-forwarded-host": target.host,
      "x-forwarded-proto": "http",
    },
  });
  const answered = once(proxied, "response").then(async ([answer]: IncomingMessage[]) => {
    if (answer === undefined) return;
    response.writeHead(answer.statusCode ?? 500, withoutHopByHop(answer.headers));
    await pipeline(answer, response);
  });
  const metadata: Record<string, TypedData> = {
    Headers: { json: JSON.stringify(headers) },
    ...Object.fromEntries(Object.entries(params).map(([name, value]) => [name, { string: value }])),
  };
  const sent = pipeline(request, proxied);
  try {
    await invoker.invoke(fn, { data: {}, metadata, invocationId });
    await answered;
    await sent;
  } catch {
    if (!response.headersSent) end(response, 500);
    proxied.destroy();
    await Promise.allSettled([answered, sent]);
    if (!response.writableEnded) response.destroy();
  }
}

/** App Service's front end adds the client's address and port at the end of what the client sent. */
function headersOf(request: IncomingMessage): Record<string, string> {
  const headers = Object.fromEntries(
    Object.entries(request.headersDistinct).map(([name, values]) => [
      name,
      (values ?? []).join(name === "cookie" ? "; " : ","),
    ]),
  );
  const { remoteAddress = "127.0.0.1", remotePort = 0 } = request.socket;
  const client = `${remoteAddress}:${remotePort}`;
  const before = headers["x-forwarded-for"];
  return {
    ...headers,
    "x-forwarded-for": before === undefined ? client : `${before}, ${client}`,
    "x-forwarded-proto": "http",
  };
}

async function readBytes(request: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  if (Number(request.headers["content-length"] ?? 0) > limit) return undefined;
  const chunks: Buffer[] = [];
  let size = 0;
  // What is left of a body that is too large is read and dropped by Node after the answer.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function send(response: ServerResponse, { statusCode, headers, cookies, body }: HttpResponseData): void {
  const bytes = body?.bytes ?? Buffer.alloc(0);
  const status = Number(statusCode ?? 200);
  for (const [name, value] of Object.entries(withoutHopByHop(headers ?? {}))) response.setHeader(name, value);
  if (cookies !== undefined && cookies.length > 0) response.setHeader("set-cookie", cookies.map(serializeCookie));
  if (!response.hasHeader("content-length") && ![204, 304].includes(status))
    response.setHeader("content-length", bytes.length);
  response.writeHead(status);
  response.end(bytes);
}

function end(response: ServerResponse, status: number): void {
  response.writeHead(status, status === 204 ? {} : { "content-length": 0 });
  response.end();
}

function withoutHopByHop<T>(headers: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !hopByHop.has(name)));
}

function nullable(values: Readonly<Record<string, string>>): Record<string, { value: string }> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }]));
}
