import { type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse, createServer } from "node:http";
import { Agent, request as requestOverTls } from "node:https";
import { pipeline } from "node:stream/promises";
import { allowLoopbackPages, sendJson, targetOf } from "./http.ts";
import { type Certificates, type LocalService, listen, stop } from "./service.ts";

/**
 * Azurite's blob service over plain http on loopback, so that a browser can use upload and download grants without
 * trusting the local authority. Passes requests with a SAS only, to whatever it signs. Streams both ways.
 * Pages of loopback origins may call it (CORS), as the storage account's own rules allow ours in Azure.
 */
export async function startBlobFront({
  port,
  target,
  tls,
}: {
  readonly port: number;
  /** Origin of the blob service, e.g. `https://localhost:10000`. */
  readonly target: string;
  readonly tls: Certificates;
}): Promise<LocalService> {
  // No connection is used twice: of one that Azurite has just let go, a request whose body is streamed cannot be repeated.
  const agent = new Agent({ ca: tls.ca, keepAlive: false });
  const server = createServer((request, response) => {
    allowLoopbackPages(request, response, "GET, HEAD, PUT, DELETE");
    if (request.method === "OPTIONS") {
      response.writeHead(204).end();
    } else if (!targetOf(request).searchParams.get("sig")) {
      sendJson(response, 403, { error: "This address takes requests with a shared access signature only." });
    } else {
      void forward(request, response, target, agent);
    }
  });
  const taken = await listen(server, port, "blob front");
  return {
    url: `http://localhost:${taken}`,
    close: async () => {
      await stop(server);
      agent.destroy();
    },
  };
}

async function forward(
  request: IncomingMessage,
  response: ServerResponse,
  target: string,
  agent: Agent,
): Promise<void> {
  const headers: OutgoingHttpHeaders = { ...request.headers, host: new URL(target).host };
  // The grant alone decides, and CORS is answered here.
  delete headers.authorization;
  delete headers.origin;
  const { pathname, search } = targetOf(request);
  const upstream = requestOverTls(`${target}${pathname}${search}`, { method: request.method, headers, agent });
  response.once("close", () => upstream.destroy());
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    upstream.once("response", resolve).once("error", reject);
  });
  try {
    // A refused upload is answered before its body is read: the answer counts, not the broken pipe.
    pipeline(request, upstream).catch(() => undefined);
    const answer = await answered;
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, answer.headers);
    await pipeline(answer, response);
  } catch {
    if (response.headersSent) response.destroy();
    else sendJson(response, 502, { error: "The blob service does not answer." });
  }
}
