import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { type IncomingMessage, type ServerResponse, request as forward } from "node:http";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { TooLarge } from "../http.ts";
import type { AppFunction } from "./app.ts";
import { serializeCookie } from "./cookies.ts";
import type { HttpResponseData, TypedData } from "./core.ts";
import type { Invoker } from "./invoke.ts";

export interface ExchangeOptions {
  readonly invoker: Invoker;
  /** Bytes; more is answered 500, and 413 where bodies are streamed. */
  readonly bodyLimit: number;
}

/** The function that answers a request, and the parameters in its route. */
export interface Found {
  readonly fn: AppFunction;
  readonly params: Readonly<Record<string, string>>;
}

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly target: URL;
}

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
 * Reads the whole body, and answers with the whole body that the library made. As in Azure, a body without a Content-Length
 * is not handed over (Azure/azure-functions-nodejs-worker#524), and one beyond the limit is an empty 500
 * (Azure/azure-functions-host#10519).
 */
export async function buffered(
  { invoker, bodyLimit }: ExchangeOptions,
  { fn, params }: Found,
  { request, response, target }: Exchange,
): Promise<void> {
  if (announced(request) > bodyLimit) {
    end(response, 500);
    return;
  }
  const bytes = announced(request) > 0 ? await buffer(request) : Buffer.alloc(0);
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
export async function streamed(
  { invoker, bodyLimit }: ExchangeOptions,
  httpUri: string,
  { fn, params }: Found,
  { request, response, target }: Exchange,
): Promise<void> {
  if (announced(request) > bodyLimit) {
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
  const metadata: Record<string, TypedData> = {
    Headers: { json: JSON.stringify(headers) },
    ...Object.fromEntries(Object.entries(params).map(([name, value]) => [name, { string: value }])),
  };
  const answered = once(proxied, "response").then(async ([answer]: IncomingMessage[]) => {
    if (answer === undefined) return;
    response.writeHead(answer.statusCode ?? 500, withoutHopByHop(answer.headers));
    await pipeline(answer, response);
  });
  // A body of unknown length that grows beyond the limit ends the connection.
  const sent = pipeline(request, (body: AsyncIterable<Buffer>) => upTo(bodyLimit, body), proxied);
  try {
    await Promise.all([invoker.invoke(fn, { data: {}, metadata, invocationId }), answered, sent]);
  } catch {
    if (!response.headersSent) end(response, 500);
    proxied.destroy();
    await Promise.allSettled([answered, sent]);
    if (!response.writableEnded) response.destroy();
  }
}

async function* upTo(limit: number, body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > limit) throw new TooLarge(`more than ${limit} bytes`);
    yield chunk;
  }
}

function announced(request: IncomingMessage): number {
  return Number(request.headers["content-length"] ?? 0);
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

/** Answers without a body. */
export function end(response: ServerResponse, status: number): void {
  response.writeHead(status, status === 204 ? {} : { "content-length": 0 });
  response.end();
}

function withoutHopByHop<T>(headers: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !hopByHop.has(name)));
}

function nullable(values: Readonly<Record<string, string>>): Record<string, { value: string }> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }]));
}
