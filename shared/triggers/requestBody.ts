import { MIMEType } from "node:util";
import { escapePointer } from "../validator.ts";
import { Problem, invalidField } from "../web/problem.ts";
import { maxDepth, refuseAmbiguity, tooComplex } from "./jsonText.ts";
import { text } from "./requestText.ts";

/** Largest body that any operation takes; videos never pass through here. */
export const maxBodyBytes = 1_048_576;
const maxMembers = 5_000;

/** A request's body as it arrives. */
export interface RawBody {
  readonly contentEncoding: string | undefined;
  readonly contentLength: string | undefined;
  readonly stream: AsyncIterable<Uint8Array> | null;
}

/**
 * The bytes of the body, at most {@link maxBodyBytes}: a longer one is refused without being read to its end. Nothing is
 * unpacked, so that no small body becomes a large one here; one that says it is packed is refused unread.
 */
export async function readBody({ contentEncoding, contentLength, stream }: RawBody): Promise<Buffer> {
  if (Number(contentLength ?? 0) > maxBodyBytes) throw tooLarge();
  if ((contentEncoding ?? "identity").trim().toLowerCase() !== "identity")
    throw new Problem("unsupported_media_type", { detail: "Send the body without a Content-Encoding" });
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream ?? []) {
    size += chunk.byteLength;
    if (size > maxBodyBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The JSON value of a body: UTF-8, of bounded depth and size, every text well-formed and in Unicode's NFC. */
export function parseBody(contentType: string | undefined, bytes: Buffer): unknown {
  // The host hands over no body without its length, so a client that sent one has to be told what was wrong with it.
  if (bytes.length === 0)
    throw new Problem("empty_body", {
      detail: "Send JSON with its Content-Length: what is sent in chunks does not arrive",
    });
  if (!isUtf8Json(contentType))
    throw new Problem("unsupported_media_type", { detail: "Send the body as application/json, in UTF-8" });
  const json = decode(bytes);
  const value = parse(json);
  refuseAmbiguity(json);
  return normalised(value, "", 0, { members: 0 });
}

/** Refuses a body, at its first byte, where nobody will look at it: who sends one means something by it. */
export async function refuseBody({ stream }: RawBody): Promise<void> {
  for await (const chunk of stream ?? [])
    if (chunk.byteLength > 0) throw invalidField("", "unexpected", "is not taken here: send no body");
}

function isUtf8Json(contentType = ""): boolean {
  try {
    const { essence, params } = new MIMEType(contentType);
    return essence === "application/json" && /^utf-?8$/iu.test(params.get("charset") ?? "utf-8");
  } catch {
    return false;
  }
}

function decode(bytes: Buffer): string {
  try {
    // A byte order mark stays, and is no JSON (RFC 8259, 8.1).
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw malformed();
  }
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw malformed();
  }
}

function normalised(value: unknown, pointer: string, depth: number, count: { members: number }): unknown {
  if (depth > maxDepth || ++count.members > maxMembers) throw tooComplex();
  if (typeof value === "string") return text(value, pointer);
  // There is a negative zero in JSON and in doubles, but in no answer.
  if (typeof value === "number") return value + 0;
  if (Array.isArray(value))
    return value.map((item: unknown, at) => normalised(item, `${pointer}/${at}`, depth + 1, count));
  if (value === null || typeof value !== "object") return value;
  // Object.fromEntries defines own members, so a "__proto__" in the body stays a name that no schema knows.
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      text(name, pointer),
      normalised(member, `${pointer}/${escapePointer(name)}`, depth + 1, count),
    ]),
  );
}

function malformed(): Problem {
  return new Problem("malformed_json", { detail: "Send JSON in UTF-8, without a byte order mark" });
}

function tooLarge(): Problem {
  return new Problem("body_too_large", { detail: `A body has at most ${maxBodyBytes} bytes` });
}
