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
  return normalised(parse(bytes), "", 0, { members: 0 });
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new Problem("malformed_json");
  }
}

function normalised(value: unknown, pointer: string, depth: number, count: { members: number }): unknown {
  if (depth > maxDepth || ++count.members > maxMembers)
    throw new Problem("invalid_request", {
      errors: [{ pointer: "", code: "too_complex", message: "is nested too deep or has too many members" }],
    });
  if (typeof value === "string") return text(value, pointer);
  if (Array.isArray(value))
    return value.map((item: unknown, at) => normalised(item, `${pointer}/${at}`, depth + 1, count));
  if (value === null || typeof value !== "object") return value;
  // Object.fromEntries defines own members, so a "__proto__" in the body stays a name that no schema knows.
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      text(name, pointer),
      normalised(member, `${pointer}/${name.slice(0, 64)}`, depth + 1, count),
    ]),
  );
}

function text(value: string, pointer: string): string {
  if (value.isWellFormed() && !value.includes("\u0000")) return value.normalize("NFC");
  throw new Problem("invalid_request", {
    errors: [{ pointer: pointer.toWellFormed(), code: "text", message: "holds characters that are no text" }],
  });
}

function tooLarge(): Problem {
  return new Problem("body_too_large", { detail: `A body has at most ${maxBodyBytes} bytes` });
}
