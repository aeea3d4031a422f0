import { randomBytes } from "node:crypto";
import { type IncomingMessage, createServer } from "node:http";
import { Webhook, WebhookVerificationError } from "standardwebhooks";
import type { EventView } from "../../shared/log/eventView.ts";
import { listen, stop } from "../service.ts";
import type { Break } from "./options.ts";

/** An event as the tenant's server got it. */
export interface Received extends Pick<EventView, "id" | "sequence" | "type" | "time" | "data"> {
  /** Milliseconds from the event to its arrival. */
  readonly ms: number;
  /** Bytes of the body. */
  readonly bytes: number;
  /** Why the signature is not right; undefined where it is. */
  readonly fault: string | undefined;
}

/** The tenant's own server, which webhooks are sent to. */
export interface Receiver extends AsyncDisposable {
  readonly received: readonly Received[];
}

/** Address of the receiver at the origin that the stack lets webhooks reach. */
export function receiverUrl(origin: string): string {
  return `${origin}/callpilot`;
}

/** Listens at the origin, and verifies each request with the `standardwebhooks` library. */
export async function startReceiver(options: {
  readonly origin: string;
  readonly secret: string;
  readonly onReceived: (event: Received) => void;
  readonly breaks?: Break | undefined;
}): Promise<Receiver> {
  const { origin, onReceived, breaks } = options;
  const secret = breaks === "signature" ? `whsec_${randomBytes(32).toString("base64")}` : options.secret;
  const verifier = new Webhook(secret);
  const received: Received[] = [];
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      if (body === undefined) return;
      // Taken in any case, and judged here: nothing is left behind that would be sent again when the demo is over.
      response.writeHead(204).end();
      const event = judged(verifier, request, body);
      if (event === undefined || (breaks === "event" && event.type === "video.ready")) return;
      received.push(event);
      onReceived(event);
    });
  });
  await listen(server, Number(new URL(origin).port), "the demo's webhook receiver");
  return { received, [Symbol.asyncDispose]: () => stop(server) };
}

/** The event in a request; undefined for what is none. */
function judged(verifier: Webhook, { headers }: IncomingMessage, body: string): Received | undefined {
  try {
    const event = JSON.parse(body) as EventView;
    const fault = faultOf(verifier, headers, body);
    return { ...event, ms: Date.now() - Date.parse(event.time), bytes: Buffer.byteLength(body), fault };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function faultOf(verifier: Webhook, headers: IncomingMessage["headers"], body: string): string | undefined {
  try {
    verifier.verify(body, headers as Record<string, string>);
    return undefined;
  } catch (error) {
    if (error instanceof WebhookVerificationError) return error.message;
    throw error;
  }
}

/** The whole body; undefined where the sender broke off. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  } catch {
    return undefined;
  }
  return Buffer.concat(chunks).toString();
}
