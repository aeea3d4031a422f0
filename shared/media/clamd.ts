import { once } from "node:events";
import { type Socket, connect } from "node:net";
import { addAbortSignal } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ClamdAddress } from "../config.ts";

/** Nobody listens where clamd should: no file is at fault, and any of them may be looked through later. */
export class ScannerAway extends Error {
  override readonly name = "ScannerAway";
}

/** The scanner cannot say what the file is: not malware for all it knows, and not clean either. */
export class ScanFailed extends Error {
  override readonly name = "ScanFailed";
}

/** `signature` names what was found. */
export type ScanAnswer = { readonly clean: true } | { readonly clean: false; readonly signature: string };

const connectMs = 10_000;
/** For as long as that nothing may move: clamd's own MaxScanTime is two minutes. */
const silenceMs = 300_000;

/**
 * Has clamd look through what the stream brings (INSTREAM, clamd(8)). Throws {@link ScannerAway}, {@link ScanFailed}, also
 * for what clamd did not look at whole, what the stream throws, and the signal's reason. The signal has to end the stream,
 * too.
 */
export async function scanWithClamd(
  content: AsyncIterable<Buffer>,
  address: ClamdAddress,
  signal?: AbortSignal,
): Promise<ScanAnswer> {
  const socket = await connected(address);
  socket.setTimeout(silenceMs, () => socket.destroy());
  if (signal !== undefined) addAbortSignal(signal, socket);
  const reply = replyOf(socket);
  try {
    await pipeline(framed(content), socket, { end: false });
  } catch (error) {
    // It hung up before everything was sent, maybe with a refusal; or there is nothing more to send.
    if (!socket.destroyed && !socket.readableEnded) socket.destroy();
    const refusal = await reply;
    if (refusal === undefined) throw error;
    return answerOf(refusal);
  }
  const answer = await reply;
  signal?.throwIfAborted();
  if (answer === undefined) throw new ScanFailed("clamd ended without an answer");
  return answerOf(answer);
}

async function connected(address: ClamdAddress): Promise<Socket> {
  const socket = connect(address);
  try {
    await once(socket, "connect", { signal: AbortSignal.timeout(connectMs) });
    return socket;
  } catch (error) {
    socket.destroy();
    throw new ScannerAway("clamd cannot be reached", { cause: error });
  }
}

/** `z`: command and answer end with NUL. Chunks have their length in front, in 32 bits; one without bytes ends them. */
async function* framed(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield Buffer.from("zINSTREAM\0");
  for await (const chunk of content) {
    if (chunk.length === 0) continue;
    const length = Buffer.alloc(4);
    length.writeUInt32BE(chunk.length);
    yield length;
    yield chunk;
  }
  yield Buffer.alloc(4);
}

const maxReply = 4096;

/** The answer without its NUL; undefined where the connection ends without one. Ends the connection. */
async function replyOf(socket: Socket): Promise<string | undefined> {
  let text = "";
  try {
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      text += chunk.toString("latin1");
      const end = text.indexOf("\0");
      if (end >= 0) return text.slice(0, end);
      if (text.length > maxReply) return undefined;
    }
    return undefined;
  } catch {
    return undefined;
  }
}

function answerOf(reply: string): ScanAnswer {
  if (reply === "stream: OK") return { clean: true };
  const signature = /^stream: (?<signature>.+) FOUND$/u.exec(reply)?.groups?.["signature"];
  // What clamd says with AlertExceedsMax of a file that it did not look at whole.
  if (signature === undefined || signature.startsWith("Heuristics.Limits.Exceeded"))
    throw new ScanFailed(`clamd says: ${reply}`);
  return { clean: false, signature };
}
