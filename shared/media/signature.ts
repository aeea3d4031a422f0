import { Rejection } from "./rejection.ts";

/** The two families of containers that recordings come in, by the name of ffmpeg's demuxer. */
export type ContainerFamily = "mov" | "matroska";

/** How much of a file's beginning {@link checkMagic} wants to see. */
export const headBytes = 4096;

/**
 * Tells the family by the first bytes (ISO/IEC 14496-12, 4.3; RFC 8794, 11.2.4) and refuses everything else, also a
 * well-formed container whose beginning another program would take for a page, an archive, a document or a playlist.
 */
export function checkMagic(head: Uint8Array): ContainerFamily {
  const text = Buffer.from(head).toString("latin1");
  const other = disguises.find(({ pattern }) => pattern.test(text));
  if (other !== undefined) throw new Rejection("unsupported_format", `its beginning is that of ${other.name}`);
  if (text.includes(zipEntry)) throw new Rejection("unsupported_format", "its beginning is that of an archive");
  if (text.startsWith("\u001a\u0045\u00df\u00a3")) return matroskaFamily(text);
  if (text.slice(4, 8) === "ftyp") return movFamily(text);
  if (/^\0+$/u.test(text)) throw new Rejection("corrupt", "its beginning is all zeros");
  throw new Rejection("unsupported_format", "its first bytes are not those of MP4, QuickTime, WebM or Matroska");
}

/** What browsers, readers and ffmpeg itself recognise although it does not stand at the very first byte. */
const disguises = [
  { name: "a web page", pattern: /<(?:!doctype html|html|head|body|script|iframe|svg)[\s/>]/iu },
  { name: "a playlist", pattern: /#EXTM3U|ffconcat version|\[playlist\]/iu },
  { name: "a PDF document", pattern: /%PDF-\d/u },
];

const zipEntry = "PK\u0003\u0004";

function movFamily(text: string): ContainerFamily {
  const brand = text.slice(8, 12);
  if (stillImages.includes(brand)) throw new Rejection("unsupported_format", `a picture, not a video (${brand})`);
  return "mov";
}

const stillImages = ["heic", "heix", "heim", "heis", "mif1", "avif", "crx "];

function matroskaFamily(text: string): ContainerFamily {
  // DocType stands in the EBML header, which is some tens of bytes long.
  if (!/\u0042\u0082.(?:webm|matroska)/u.test(text.slice(0, 128)))
    throw new Rejection("unsupported_format", "EBML, but neither WebM nor Matroska");
  return "matroska";
}

/** Boxes of media and index; if one of these ends beyond the file, the rest of it is missing. */
const essential = ["moov", "mdat", "moof"];
const maxBoxes = 64;

interface Readable {
  readonly size: number;
  read(start: number, end: number): Promise<Uint8Array>;
}

/**
 * Walks along the outermost boxes until media and index were seen, and returns the duration in milliseconds that the index
 * states, if it states one. Throws {@link Rejection} `corrupt` when one of them is cut off or the index is missing. What
 * follows the last box is not looked at: a tail is dropped when the video is written anew.
 */
export async function checkBoxes(file: Readable): Promise<number | null> {
  let moov: { at: number; end: number } | undefined;
  let media = false;
  for await (const box of boxes(file, 0, file.size)) {
    if (!essential.includes(box.type)) continue;
    if (box.end > file.size)
      throw new Rejection("corrupt", `it ends ${box.end - file.size} bytes too early, inside its ${box.type} box`);
    if (box.type === "moov") moov = box;
    if (box.type === "mdat") media = true;
    if (moov !== undefined && media) break;
  }
  if (moov === undefined) throw new Rejection("corrupt", "its index (moov box) is missing");
  let durationMs: number | null = null;
  let tracks = 0;
  for await (const box of boxes(file, moov.at + 8, moov.end)) {
    if (box.type === "trak") tracks += 1;
    if (box.type === "mvhd")
      durationMs = movieDuration(Buffer.from(await file.read(box.at, Math.min(box.at + 40, file.size))));
  }
  checkTracks(tracks);
  return durationMs;
}

/** Phones write eight at most, of which two are picture and sound. */
const maxTracks = 32;

/** Throws {@link Rejection} for more tracks than a recording has: each costs ffmpeg memory, whether it is read or not. */
export function checkTracks(count: number): void {
  if (count > maxTracks) throw new Rejection("unsupported_format", "it has more tracks than a recording");
}

/** Movie header (ISO/IEC 14496-12, 8.2.2): time scale and duration, after two times of 32 or, in version 1, 64 bits. */
function movieDuration(box: Buffer): number | null {
  if (box.length < 40) return null;
  const long = box[8] === 1;
  const scale = box.readUInt32BE(long ? 28 : 20);
  const length = long ? Number(box.readBigUInt64BE(32)) : box.readUInt32BE(24);
  const unknown = long ? Number(0xffff_ffff_ffff_ffffn) : 0xffff_ffff;
  return scale === 0 || length === 0 || length === unknown ? null : Math.round((length / scale) * 1000);
}

async function* boxes(
  file: Readable,
  from: number,
  to: number,
): AsyncGenerator<{ type: string; at: number; end: number }> {
  let at = from;
  for (let count = 0; count < maxBoxes && at + 8 <= to; count++) {
    const head = Buffer.from(await file.read(at, Math.min(at + 16, file.size)));
    const size = boxSize(head, file.size - at);
    if (size < 8) return;
    yield { type: head.toString("latin1", 4, 8), at, end: at + size };
    at += size;
  }
}

/** A size of 1 means that 64 bits follow the type, 0 that the box reaches to the end of the file. */
function boxSize(head: Buffer, left: number): number {
  const size = head.readUInt32BE(0);
  if (size === 0) return left;
  if (size !== 1) return size;
  return head.length < 16 ? 0 : Number(head.readBigUInt64BE(8));
}
