import { open, readFile } from "node:fs/promises";

/** Something that must not be lying about: a text or bytes, known to whoever looks for it. */
export interface Sought {
  readonly name: string;
  /** Each in its own right, e.g. a key's text and the bytes that it stands for. */
  readonly values: readonly Buffer[];
}

/** How often each was found, in whichever encoding. */
export type Found = Readonly<Record<string, number>>;

const chunkBytes = 8 << 20;

/** Everything that a value can look like in memory or in a file, each text also in UTF-16. */
function formsOf(value: Buffer): Buffer[] {
  const texts = [value.toString("hex"), value.toString("hex").toUpperCase(), value.toString("latin1")];
  // Inside of other data that is encoded as a whole, a value begins at any of three places; the edges depend on neighbours.
  for (const before of [0, 1, 2]) {
    const whole = Buffer.concat([Buffer.alloc(before), value]).toString("base64");
    const inside = whole.slice(Math.ceil((before * 8) / 6), Math.floor(((before + value.length) * 8) / 6));
    texts.push(inside, inside.replaceAll("+", "-").replaceAll("/", "_"));
  }
  return texts.flatMap((text) => [Buffer.from(text, "latin1"), Buffer.from(text, "utf16le")]);
}

interface Needle {
  readonly name: string;
  readonly bytes: Buffer;
}

/** Looks for all of them in one pass: by their first two bytes, then the rest. */
export class Search {
  readonly #beginnings = new Uint8Array(1 << 16);
  readonly #needles = new Map<number, Needle[]>();
  readonly #names: readonly string[];
  #longest = 0;

  constructor(sought: readonly Sought[]) {
    this.#names = sought.map(({ name }) => name);
    for (const { name, values } of sought) {
      const forms = new Map(values.flatMap(formsOf).map((bytes) => [bytes.toString("hex"), bytes]));
      for (const bytes of forms.values()) this.#add({ name, bytes });
    }
  }

  /** In a file, such as a heap snapshot. */
  async file(path: string): Promise<Found> {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      return await this.#ranges([{ start: 0, end: size }], (buffer, at) => file.read(buffer, 0, buffer.length, at));
    } finally {
      await file.close();
    }
  }

  /** In all memory of a process of ours that it can write to: heaps, stacks, buffers. The process stands still meanwhile. */
  async memory(pid: number): Promise<Found & { readonly bytes: number }> {
    process.kill(pid, "SIGSTOP");
    const memory = await open(`/proc/${pid}/mem`);
    try {
      const ranges = await touched(pid, writable(await readFile(`/proc/${pid}/maps`, "utf8")));
      const found = await this.#ranges(ranges, (buffer, at) => memory.read(buffer, 0, buffer.length, at));
      return { ...found, bytes: ranges.reduce((sum, { start, end }) => sum + end - start, 0) };
    } finally {
      await memory.close();
      process.kill(pid, "SIGCONT");
    }
  }

  #add(needle: Needle): void {
    const beginning = needle.bytes.readUInt16LE();
    this.#beginnings[beginning] = 1;
    this.#needles.set(beginning, [...(this.#needles.get(beginning) ?? []), needle]);
    this.#longest = Math.max(this.#longest, needle.bytes.length);
  }

  async #ranges(
    ranges: readonly Range[],
    read: (buffer: Buffer, at: number) => Promise<{ readonly bytesRead: number }>,
  ): Promise<Found> {
    const counts: Record<string, number> = Object.fromEntries(this.#names.map((name) => [name, 0]));
    const buffer = Buffer.alloc(chunkBytes + this.#longest);
    for (const { start, end } of ranges)
      for (let at = start; at < end; at += chunkBytes) {
        const { bytesRead } = await read(buffer.subarray(0, Math.min(buffer.length, end - at)), at);
        this.#count(buffer.subarray(0, bytesRead), counts);
      }
    return counts;
  }

  /** Counts what begins in the first {@link chunkBytes}; what begins later belongs to the next chunk. */
  #count(bytes: Buffer, counts: Record<string, number>): void {
    const end = Math.min(chunkBytes, bytes.length - 1);
    for (let at = 0; at < end; at++) {
      const beginning = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
      if (this.#beginnings[beginning] === 0) continue;
      for (const { name, bytes: needle } of this.#needles.get(beginning) ?? [])
        if (needle.equals(bytes.subarray(at, at + needle.length))) counts[name] = (counts[name] ?? 0) + 1;
    }
  }
}

interface Range {
  readonly start: number;
  readonly end: number;
}

function writable(maps: string): Range[] {
  return [...maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) rw/gmu)].map(([, start = "", end = ""]) => ({
    start: Number.parseInt(start, 16),
    end: Number.parseInt(end, 16),
  }));
}

const pageBytes = 4096;

/** The parts of the ranges that are in memory or swapped out; the rest was reserved and never written. proc_pid_pagemap(5). */
async function touched(pid: number, ranges: readonly Range[]): Promise<Range[]> {
  const pagemap = await open(`/proc/${pid}/pagemap`);
  const parts: { start: number; end: number }[] = [];
  try {
    for (const { start, end } of ranges) {
      const entries = Buffer.alloc(((end - start) / pageBytes) * 8);
      await pagemap.read(entries, 0, entries.length, (start / pageBytes) * 8);
      for (let page = 0; page * 8 < entries.length; page++) {
        if ((entries[page * 8 + 7] ?? 0) < 0x40) continue;
        const at = start + page * pageBytes;
        const last = parts.at(-1);
        if (last?.end === at) last.end += pageBytes;
        else parts.push({ start: at, end: at + pageBytes });
      }
    }
  } finally {
    await pagemap.close();
  }
  return parts;
}
