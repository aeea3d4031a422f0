import type { IncomingMessage, ServerResponse } from "node:http";

/** A request's body as text. Throws {@link TooLarge} beyond `limit` bytes. */
export async function readText(request: IncomingMessage, limit = 1_048_576): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw new TooLarge(`more than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** The sender's body is larger than the service reads. */
export class TooLarge extends Error {
  override readonly name = "TooLarge";
}

/** The target of a request line as a URL, whatever was sent; only its path and query mean something. */
export function targetOf({ url = "/" }: IncomingMessage): URL {
  return new URL(`https://localhost${url.startsWith("/") ? url : "/"}`);
}

/** Answers with JSON that nobody may keep. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    "cache-control": "no-store",
    "content-length": Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}

/** Lets pages of loopback origins, and no others, call with `methods` and read the answer (CORS). */
export function allowLoopbackPages({ headers }: IncomingMessage, response: ServerResponse, methods: string): void {
  response.setHeader("vary", "Origin");
  if (headers.origin === undefined || !isLoopback(headers.origin)) return;
  response.setHeader("access-control-allow-origin", headers.origin);
  response.setHeader("access-control-expose-headers", "*");
  if (headers["access-control-request-method"] === undefined) return;
  response.setHeader("access-control-allow-methods", methods);
  response.setHeader("access-control-allow-headers", headers["access-control-request-headers"] ?? "");
  response.setHeader("access-control-max-age", "3600");
}

function isLoopback(origin: string): boolean {
  return URL.canParse(origin) && ["localhost", "127.0.0.1", "[::1]"].includes(new URL(origin).hostname);
}
