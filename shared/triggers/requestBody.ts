import { escapePointer } from "../validator.ts";
import { Problem } from "../web/problem.ts";

/** Largest body that any operation takes; videos never pass through here. */
export const maxBodyBytes = 1_048_576;
const maxDepth = 16;
const maxMembers = 5_000;

/** A request's body as it arrives. */
export interface RawBody {
  readonly contentType: string | undefined;
  readonly contentLength: string | undefined;
  readonly stream: AsyncIterable<Uint8Array> | null;
}

/** The bytes of the body, at most {@link maxBodyBytes}: a longer one is refused without being read to its end. */
export async function readBody({ contentLength, stream }: RawBody): Promise<Buffer> {
  if (Number(contentLength ?? 0) > maxBodyBytes) throw tooLarge();
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
  if (bytes.length === 0) throw new Problem("empty_body");
  const mediaType = contentType?.split(";")[0]?.trim().toLowerCase();
  if (mediaType !== "application/json")
    throw new Problem("unsupported_media_type", { detail: "Send the body as application/json" });
  const json = decode(bytes);
  const value = parse(json);
  refuseRepeatedNames(json);
  return normalised(value, "", 0, { members: 0 });
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Problem("malformed_json");
  }
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new Problem("malformed_json");
  }
}

/**
 * Of two members with the same name, parsers keep the first or the last: what one of them checked, another does not see.
 * The text is valid JSON already, so that only texts, braces and the colon behind a name matter.
 */
function refuseRepeatedNames(json: string): void {
  const open: Set<string>[] = [];
  const colon = /\s*:/uy;
  for (let at = 0; at < json.length; at++) {
    const character = json[at];
    if (character === "{") {
      if (open.push(new Set()) > maxDepth) throw tooComplex();
    } else if (character === "}") open.pop();
    else if (character === '"') {
      const end = endOfText(json, at);
      colon.lastIndex = end;
      if (colon.test(json)) {
        const names = open.at(-1);
        const raw = JSON.parse(json.slice(at, end)) as string;
        // What is no text is refused later, where its place is known.
        const name = isText(raw) ? raw.normalize("NFC") : raw;
        if (names?.has(name)) throw invalid("", "repeated", "has two members of the same name");
        names?.add(name);
      }
      at = end - 1;
    }
  }
}

/** Where the text that begins at the quotation mark ends: behind its other one. */
function endOfText(json: string, start: number): number {
  let at = start + 1;
  while (json[at] !== '"') at += json[at] === "\\" ? 2 : 1;
  return at + 1;
}

function normalised(value: unknown, pointer: string, depth: number, count: { members: number }): unknown {
  if (depth > maxDepth || ++count.members > maxMembers) throw tooComplex();
  if (typeof value === "string") return text(value, pointer);
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

/**
 * Normalising is quadratic in the marks that follow one letter, so a text that no language needs could stop the process.
 * Unicode's Stream-Safe Text Format allows 30 (UAX #15).
 */
const markAvalanche = /\p{M}{31}/u;

function isText(value: string): boolean {
  return value.isWellFormed() && !value.includes("\u0000") && !markAvalanche.test(value);
}

function text(value: string, pointer: string): string {
  if (isText(value)) return value.normalize("NFC");
  throw invalid(pointer.toWellFormed(), "text", "holds characters that are no text");
}

function tooComplex(): Problem {
  return invalid("", "too_complex", "is nested too deep or has too many members");
}

function invalid(pointer: string, code: string, message: string): Problem {
  return new Problem("invalid_request", { errors: [{ pointer, code, message }] });
}

function tooLarge(): Problem {
  return new Problem("body_too_large", { detail: `A body has at most ${maxBodyBytes} bytes` });
}
