/** The elements of a WebM or Matroska file (RFC 8794), as far as test recordings are made by editing them. */

/** An element of its own: id (hex), size in eight bytes, content. */
export function element(id: string, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content);
  const size = Buffer.alloc(8);
  size.writeBigUInt64BE(0x0100_0000_0000_0000n | BigInt(body.length));
  return Buffer.concat([Buffer.from(id, "hex"), size, body]);
}

const segment = "18538067";
const tracks = "1654ae6b";
const trackEntry = "ae";

/** The recording, which does not say how long its segment is, with an element before all others of the segment. */
export function withFirstInSegment(file: Buffer, added: Buffer): Buffer {
  const { from } = find(file, 0, segment);
  return Buffer.concat([file.subarray(0, from), added, file.subarray(from)]);
}

/** The recording with an element in its first track. */
export function withTrackElement(file: Buffer, added: Buffer): Buffer {
  const all = find(file, find(file, 0, segment).from, tracks);
  const first = find(file, all.from, trackEntry);
  const changed = element(trackEntry, file.subarray(first.from, first.to), added);
  const whole = element(tracks, changed, file.subarray(first.to, all.to));
  return Buffer.concat([file.subarray(0, all.at), whole, file.subarray(all.to)]);
}

/** The first element of this id among those that follow one another from here: where it and its content begin and end. */
function find(file: Buffer, start: number, id: string): { at: number; from: number; to: number } {
  for (let at = start; at < file.length;) {
    const sizeAt = at + lengthAt(file, at);
    const from = sizeAt + lengthAt(file, sizeAt);
    let size = file.readUInt8(sizeAt) & (0xff >> (from - sizeAt));
    for (let place = sizeAt + 1; place < from; place++) size = size * 256 + file.readUInt8(place);
    if (file.toString("hex", at, sizeAt) === id) return { at, from, to: from + size };
    at = from + size;
  }
  throw new Error(`there is no element ${id}`);
}

/** Ids and sizes tell by the leading zeros of their first byte how many bytes they have. */
function lengthAt(file: Buffer, at: number): number {
  return Math.clz32(file.readUInt8(at)) - 23;
}
