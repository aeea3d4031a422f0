import type { LookupAddress } from "node:dns";
import { type IncomingMessage, request as plainRequest } from "node:http";
import { request as tlsRequest } from "node:https";
import { type LookupFunction, isIP } from "node:net";
import { config } from "../config.ts";
import { type OutboundError, OutboundFailure } from "./outboundFailure.ts";
import { publicAddresses } from "./publicAddresses.ts";

/** Bytes of an answer that are read; nothing of them is kept. */
const maxAnswerBytes = 64 * 1024;
const maxHeaderBytes = 16 * 1024;
const timeoutMs = 15_000;

export interface Outbound {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * The address of somebody else's server, as far as its text tells. Throws {@link OutboundFailure} `unsafe_url` for
 * anything but https on port 443 of a public name: no literal addresses in any spelling, no credentials, no local names.
 * The exact origins of the setting WEBHOOK_ALLOWED_ORIGINS, which exists on developers' machines only, are exempt.
 */
export function safeUrl(text: string): URL {
  const url = URL.parse(text);
  if (url?.username !== "" || url.password !== "") throw new OutboundFailure("unsafe_url");
  if (isExempt(url)) return url;
  // The parser has already made 0x7f000001, 2130706433 and 127.1 into what they mean.
  const name = url.hostname.replace(/\.$/u, "");
  const literal = isIP(name.replace(/^\[|\]$/gu, "")) !== 0;
  if (url.protocol !== "https:" || url.port !== "" || literal || isLocalName(name))
    throw new OutboundFailure("unsafe_url");
  return url;
}

/**
 * Names that mean something inside a network only (RFC 6761, RFC 6762, RFC 9476, ICANN's .internal), and those with an
 * empty part, of which every resolver makes something else.
 */
function isLocalName(name: string): boolean {
  return (
    !name.includes(".") ||
    name.includes("..") ||
    name.endsWith(".") ||
    /\.(?:localhost|local|internal|intranet|lan|home\.arpa|alt|test|invalid|onion)$/u.test(name)
  );
}

function isExempt(url: URL): boolean {
  const { environment, webhooks } = config();
  return environment === "local" && webhooks.allowedOrigins.includes(url.origin);
}

/**
 * The one way to somebody else's server: a POST to a {@link safeUrl}. The name is resolved once, every address of it must
 * be public, and only those are dialled, so an answer that changes afterwards (DNS rebinding) leads nowhere. Redirects
 * are answers like any other. Gives the status; throws {@link OutboundFailure} where there is none within 15 seconds.
 */
export async function post(
  text: string,
  outbound: Outbound,
  { limitMs = timeoutMs, nameServers }: { readonly limitMs?: number; readonly nameServers?: readonly string[] } = {},
): Promise<number> {
  const url = safeUrl(text);
  const signal = AbortSignal.timeout(limitMs);
  const addresses = isExempt(url) ? undefined : await publicAddresses(url.hostname, signal, nameServers);
  return await dial(url, addresses, outbound, signal);
}

/** POSTs to the addresses, whatever the name resolves to by now; without addresses, as the name resolves. */
export async function dial(
  url: URL,
  addresses: readonly LookupAddress[] | undefined,
  { headers, body }: Outbound,
  signal: AbortSignal,
): Promise<number> {
  const options = {
    method: "POST",
    headers: { ...headers, "content-length": String(Buffer.byteLength(body)) },
    // No connection outlives the check that it was made under.
    agent: false,
    maxHeaderSize: maxHeaderBytes,
    signal,
    ...(addresses !== undefined && { lookup: answering(addresses) }),
  } as const;
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = url.protocol === "https:" ? tlsRequest(url, options) : plainRequest(url, options);
      request.once("response", resolve);
      request.once("error", reject);
      // What wants to speak another protocol is let go without an error.
      request.once("close", () => {
        reject(new Error("closed without an answer"));
      });
      request.end(body);
    });
    await drain(answer);
    return answer.statusCode ?? 0;
  } catch (error) {
    throw new OutboundFailure(signal.aborted ? "timeout" : kindOf(error), { cause: error });
  }
}

/** A lookup that knows one answer. */
function answering(addresses: readonly LookupAddress[]): LookupFunction {
  return (_hostname, options, callback) => {
    const [first] = addresses;
    if (options.all === true || first === undefined) callback(null, [...addresses]);
    else callback(null, first.address, first.family);
  };
}

/** Lets the receiver finish a short answer. What comes of it does not matter: the status is known. */
async function drain(answer: IncomingMessage): Promise<void> {
  let bytes = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxAnswerBytes) break;
    }
  } catch {
    // Broken off, by them or by the time limit.
  } finally {
    answer.destroy();
  }
}

function kindOf(error: unknown): OutboundError {
  const code = String((error as { code?: unknown }).code);
  if (/CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO/u.test(code)) return "tls";
  return code === "ENOTFOUND" || code === "EAI_AGAIN" ? "dns" : "connection";
}
