/** The boxes of an MP4 or QuickTime file (ISO/IEC 14496-12), as far as test recordings are made by editing them. */

/** A box of its own: size, type, content. */
export function box(type: string, ...content: readonly (Buffer | string)[]): Buffer {
  const body = Buffer.concat(content.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : part)));
  const head = Buffer.alloc(8);
  head.writeUInt32BE(body.length + 8);
  head.write(type, 4, "latin1");
  return Buffer.concat([head, body]);
}

/** Where a box begins and ends. */
interface Place {
  readonly at: number;
  readonly end: number;
}

/** The boxes that follow one another between two places. */
function* boxesWithin(file: Buffer, from: number, to: number): Generator<Place & { readonly type: string }> {
  for (let at = from; at + 8 <= to;) {
    const end = at + Math.max(8, file.readUInt32BE(at));
    yield { type: file.toString("latin1", at + 4, at + 8), at, end };
    at = end;
  }
}

/** The boxes on the way to the first one of this path, e.g. `moov/trak/tkhd`, the outermost first. */
function wayTo(file: Buffer, path: string): Place[] {
  const way: Place[] = [];
  let [from, to] = [0, file.length];
  for (const type of path.split("/")) {
    const found = [...boxesWithin(file, from, to)].find((each) => each.type === type);
    if (found === undefined) throw new Error(`there is no ${type} of ${path}`);
    way.push(found);
    [from, to] = [found.at + 8, found.end];
  }
  return way;
}

/** The first box of this path, head included; what is written into it is written into the file. */
export function boxAt(file: Buffer, path: string): Buffer {
  const place = wayTo(file, path).at(-1);
  return file.subarray(place?.at, place?.end);
}

/** The file with boxes added at the end of the box of this path. The index has to stand behind the media, which stays. */
export function withAdded(file: Buffer, path: string, ...added: readonly Buffer[]): Buffer {
  const way = wayTo(file, path);
  const content = Buffer.concat(added);
  const end = way.at(-1)?.end ?? 0;
  const whole = Buffer.concat([file.subarray(0, end), content, file.subarray(end)]);
  for (const { at } of way) whole.writeUInt32BE(whole.readUInt32BE(at) + content.length, at);
  return whole;
}

/** Display matrix of the first track: a, b, c, d of ISO/IEC 14496-12, 6.2.2, moved back to where pictures are shown. */
export function turnBy(file: Buffer, [a, b, c, d]: readonly [number, number, number, number]): void {
  const header = boxAt(file, "moov/trak/tkhd");
  const [width, height] = [header.readUInt32BE(84), header.readUInt32BE(88)];
  // Whatever falls below zero is moved back by the whole length of that side.
  const moved = [Math.min(0, a) * width + Math.min(0, c) * height, Math.min(0, b) * width + Math.min(0, d) * height];
  const fixed = (value: number) => value * 0x1_0000;
  const matrix = [fixed(a), fixed(b), 0, fixed(c), fixed(d), 0, ...moved.map((by) => -by), 0x4000_0000];
  matrix.forEach((value, index) => header.writeInt32BE(value, 48 + 4 * index));
}

/** Big-endian numbers of 32 bits. */
export function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => bytes.writeUInt32BE(value, index * 4));
  return bytes;
}
