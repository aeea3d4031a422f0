import { unescape } from "node:querystring";
import type { StoredItem } from "../../shared/tenancy/repository.ts";
import type { Classification } from "../../shared/tenancy/classification.ts";
import { ours } from "./ours.ts";
import { languageOf, sizeClass } from "./pseudonyms.ts";
import type { RedactedItem, StoredValue } from "./redact.ts";

/**
 * Characters; of a decoded text, bytes. Shorter values and words are in everything, and what is decoded, or a number, looks
 * by chance like something that is short; `anywhere` is no chance, also in the middle of a word.
 */
const lengths = { value: 5, word: 6, decoded: 8, number: 8, anywhere: 12, id: 20, dense: 2 } as const;

/** Of whose values nothing may be found in a copy. Times and sizes are replaced, and look like any other. */
const searched: readonly Classification[] = [
  ...(["id", "personal", "handle", "email", "phone", "freeText", "secret", "fingerprint"] as const),
];
const wordsToo: readonly Classification[] = ["personal", "email", "phone", "freeText"];

/** What our own code writes and what may be somebody's as well: another time, and the short parts of a receipt code. */
const times: readonly RegExp[] = [/^\d{4}-\d\d-\d\d$/u, /^\d{4}-\d\d-\d\dT[\d:.]{8,12}Z$/u];
const receiptCode = /^[0-9A-Z]{5}-[0-9A-Z]{5}-[0-9A-Z]{5}-[0-9A-Z]{5}$/u;

/** Where something was found, and where it is in production, by the names of fields; never what. */
export interface Leak {
  /** Its place among the items. */
  readonly item: number;
  readonly way: string;
  readonly of: string;
}

/**
 * Looks in what is about to leave for anything that must not: every value of production that was to be replaced, and each
 * of its longer words, as they are, in another case, and encoded as Base64, hexadecimal or in a URL. It knows nothing of how
 * things are replaced.
 */
export class LeakScan {
  /** By their first characters and their length: tokens, and the way to the first value that has it. */
  readonly #tokens = new Map<string, Map<number, Map<string, string>>>();
  readonly #numbers = new Map<number, string>();
  /** Words and numbers that tell nothing of anybody: they are in every copy, or copied as they are. */
  readonly #ourTexts: string;
  readonly #ourWords: Set<string>;
  readonly #ourNumbers = new Set<number>();
  #count = 0;

  constructor() {
    const texts = ours.map((text) => normal(text));
    this.#ourTexts = texts.join("\n");
    this.#ourWords = new Set(texts.flatMap((text) => [text, ...wordsOf(text)]));
  }

  /** Texts that are searched for. */
  get tokens(): number {
    return this.#count + this.#numbers.size;
  }

  /** Takes in the values of an item of production, copied or not. */
  learn({ id, kind }: StoredItem, values: readonly StoredValue[]): void {
    this.#addId(id, `${kind}.id`);
    for (const value of values) this.#learn(value);
  }

  #learn({ said, value, way }: StoredValue): void {
    if (said === "technical" && typeof value === "number") this.#ourNumbers.add(value);
    if (said === "language") this.#ourWords.add(normal(languageOf(String(value))));
    if (typeof said !== "string" || !searched.includes(said) || typeof value === "boolean") return;
    if (typeof value === "number") {
      // A rounder one is anybody's.
      if (Number(value.toPrecision(4)) === value || sizeClass(value) === value) return;
      this.#numbers.set(value, way);
      this.#add(normal(String(value)), way);
      return;
    }
    const text = normal(value);
    if (said === "id") for (const id of text.split("/")) this.#addId(id, way);
    else this.#add(text, way);
    if (said === "email") this.#add(text.slice(0, text.indexOf("@")), way);
    if (wordsToo.includes(said))
      for (const word of wordsOf(text)) if (word.length >= lengths.word || isDense(word)) this.#add(word, way);
  }

  /** What makes it unique: its prefix is in every one, and the short ones are words of ours. */
  #addId(id: string, way: string): void {
    const unique = normal(id.slice(id.indexOf("_") + 1));
    if (unique.length >= lengths.id) this.#add(unique, way);
  }

  /** Of a normal text. */
  #add(token: string, way: string): void {
    const text = token.trim();
    const start = startOf(text, 0);
    if (start === undefined || (!isDense(text) && lettersIn(text) < lengths.value)) return;
    const alike = this.#tokens.get(start) ?? new Map<number, Map<string, string>>();
    this.#tokens.set(start, alike);
    const found = alike.get(text.length) ?? new Map<string, string>();
    alike.set(text.length, found);
    if (found.has(text)) return;
    found.set(text, way);
    this.#count++;
  }

  /** Everything in the items that production has. */
  search(items: readonly RedactedItem[]): readonly Leak[] {
    return items.flatMap((item, place) =>
      textsOf(item, [item.kind]).flatMap(({ value, path }) => {
        const of = this.#find(value);
        return of === undefined ? [] : [{ item: place, way: this.#told(path), of }];
      }),
    );
  }

  /** Names that are none of ours may be what was found. */
  #told(path: readonly string[]): string {
    return path.map((name) => (this.#ourWords.has(normal(name)) ? name : "*")).join(".");
  }

  /** The way to what is known of a value. */
  #find(value: unknown): string | undefined {
    if (typeof value === "number") {
      if (this.#ourNumbers.has(value) || sizeClass(value) === value) return undefined;
      return this.#numbers.get(value) ?? this.#findIn(String(value), lengths.number);
    }
    if (typeof value !== "string") return undefined;
    if (times.some((look) => look.test(value))) return undefined;
    const least = receiptCode.test(value) ? lengths.anywhere : 0;
    const plain = [...new Set([value, unescape(value), unescape(value.replaceAll("+", " "))])];
    return this.#findInAny(plain, least) ?? this.#findInAny(plain.flatMap(decoded), lengths.decoded);
  }

  #findInAny(readings: readonly string[], least: number): string | undefined {
    for (const reading of readings) {
      const found = this.#findIn(normal(reading), least);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Of a normal text, and tokens of that many bytes at least. */
  #findIn(text: string, least: number): string | undefined {
    for (let at = 0; at < text.length; at++)
      for (const [length, tokens] of this.#tokens.get(startOf(text, at) ?? "") ?? []) {
        const token = text.slice(at, at + length);
        const way = tokens.get(token);
        if (way !== undefined && Buffer.byteLength(token) >= least && stands(text, at, token) && !this.#isOurs(token))
          return way;
      }
    return undefined;
  }

  #isOurs(token: string): boolean {
    return this.#ourWords.has(token) || this.#ourTexts.includes(token);
  }

  /**
   * The positive control: hides known tokens, as every encoding has them, in a copy of an item, and gives how many were not
   * found again. A scan that finds nothing proves something only if this is 0.
   */
  missed(sample: number): { readonly tried: number; readonly missed: number } {
    const tokens = [...this.#tokens.values()]
      .flatMap((alike) => [...alike.values()].flatMap((found) => [...found.keys()]))
      .filter((token) => !this.#isOurs(token));
    const numbers = [...this.#numbers.keys()].filter((number) => !this.#ourNumbers.has(number));
    const hidden = [
      ...some(tokens, sample).flatMap((token) => [
        ...plainly.map((disguise) => disguise(token)),
        ...(Buffer.byteLength(token) < lengths.decoded ? [] : encoded.map((disguise) => disguise(token))),
      ]),
      ...some(numbers, sample),
    ];
    return { tried: hidden.length, missed: hidden.filter((value) => this.#find(value) === undefined).length };
  }
}

type Disguise = (token: string) => string;
const filling = "lorem ipsum";
const plainly: readonly Disguise[] = [
  (token) => `${filling} ${token.toLowerCase()}, ${filling}`,
  (token) => encodeURIComponent(`-- ${token} --`),
];
/** Behind something else, so that the encoding begins wherever it likes. */
const encoded: readonly Disguise[] = [
  ...["", "a", "b/", "id_"].map(
    (before) => (token: string) => before + Buffer.from(`-- ${token} --`).toString("base64"),
  ),
  ...["", "0"].map((before) => (token: string) => before + Buffer.from(`-- ${token} --`).toString("hex")),
];

function some<T>(all: readonly T[], count: number): readonly T[] {
  const step = Math.max(1, Math.ceil(all.length / count));
  return all.filter((_, at) => at % step === 0);
}

/** A short token counts where it stands alone: chance puts five letters into any hash. */
function stands(text: string, at: number, token: string): boolean {
  if (token.length >= lengths.anywhere || isDense(token)) return true;
  return !isWord(text.charAt(at - 1)) && !isWord(text.charAt(at + token.length));
}

function isWord(character: string): boolean {
  return /[\p{L}\p{M}\p{N}]/u.test(character);
}

/** In scripts without spaces a name has two characters and stands anywhere. None of them comes before Thai. */
function isDense(token: string): boolean {
  return (
    token.length >= lengths.dense &&
    token.charCodeAt(0) >= 0x0e00 &&
    /^[\p{sc=Han}\p{sc=Hangul}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}]/u.test(token)
  );
}

/** The characters by which tokens are found that begin there; undefined where none can. */
function startOf(text: string, at: number): string | undefined {
  const length = isDense(text.slice(at, at + lengths.dense)) ? lengths.dense : lengths.value;
  return at + length <= text.length ? text.slice(at, at + length) : undefined;
}

function lettersIn(text: string): number {
  return text.match(/[\p{L}\p{N}]/gu)?.length ?? 0;
}

/**
 * One spelling for what people write in several: "ß" is "SS", "ı" is "I". What cannot be read, as half a character, of which
 * no text is made, is left out: all of that looks alike.
 */
export function normal(text: string): string {
  const readable = text.toWellFormed().replaceAll("\uFFFD", " ");
  return readable.normalize("NFKC").toLowerCase().toUpperCase().normalize("NFKC");
}

function wordsOf(text: string): readonly string[] {
  return text.match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
}

/** What a text says to whoever takes parts of it for Base64 or hexadecimal, wherever these begin. */
function decoded(text: string): readonly string[] {
  const found: string[] = [];
  for (const [run] of text.matchAll(/[\w+/-]{11,}/gu))
    for (const from of [0, 1, 2, 3]) found.push(Buffer.from(run.slice(from), "base64").toString());
  for (const [run] of text.matchAll(/[0-9a-f]{16,}/giu))
    for (const from of [0, 1]) found.push(Buffer.from(run.slice(from), "hex").toString());
  return found;
}

interface Text {
  readonly value: unknown;
  readonly path: readonly string[];
}

/** Every value in it, and every key of a map. */
function textsOf(value: unknown, path: readonly string[]): readonly Text[] {
  if (Array.isArray(value)) return value.flatMap((member) => textsOf(member, path));
  if (typeof value !== "object" || value === null) return [{ value, path }];
  return Object.entries(value).flatMap(([name, inner]) => [
    { value: name, path: [...path, name] },
    ...textsOf(inner, [...path, name]),
  ]);
}
