import { unescape } from "node:querystring";
import type { StoredItem } from "../../shared/tenancy/repository.ts";
import type { Classification } from "../../shared/tenancy/classification.ts";
import { languageOf, sizeClass } from "./pseudonyms.ts";
import type { Classified, RedactedItem } from "./redact.ts";

/** Shorter ones are in everything; longer ones are no chance hit, wherever they stand. */
const lengths = { value: 5, word: 6, anywhere: 12, id: 20 } as const;

/** Of whose values nothing may be found in a copy. Times and sizes are replaced, and look like any other. */
const searched: readonly Classification[] = [
  ...(["id", "personal", "handle", "email", "phone", "freeText", "secret", "fingerprint"] as const),
];
const wordsToo: readonly Classification[] = ["personal", "email", "freeText"];

/** Where something was found, by the names of fields; never what. */
export interface Leak {
  readonly item: string;
  readonly way: string;
}

/**
 * Looks in what is about to leave for anything that must not: every value of production that was to be replaced, and each
 * of its longer words, as they are, in another case, and encoded as Base64, hexadecimal or in a URL. It knows nothing of how
 * things are replaced.
 */
export class LeakScan {
  /** Tokens by their first characters and their length. */
  readonly #tokens = new Map<string, Map<number, Set<string>>>();
  readonly #numbers = new Set<number>();
  /** Words and numbers that tell nothing of anybody: they are in every copy, or copied as they are. */
  readonly #ours: Set<string>;
  readonly #ourTexts: string;
  readonly #ourNumbers = new Set<number>();
  #count = 0;

  /**
   * `ours`: texts that a copy has whosever it is: names of fields, words of closed lists, and what stands for what was
   * replaced. None of them comes from data: nobody can type what is overlooked.
   */
  constructor(ours: readonly string[]) {
    const texts = ours.map((text) => normal(text));
    this.#ours = new Set(texts.flatMap((text) => [text, ...wordsOf(text)]));
    this.#ourTexts = texts.join("\n");
  }

  /** Texts that are searched for. */
  get tokens(): number {
    return this.#count + this.#numbers.size;
  }

  /** Takes in the values of an item of production, copied or not. */
  learn({ id }: StoredItem, values: readonly Classified[]): void {
    this.#addId(id);
    for (const { said, value } of values) this.#learn(said, value);
  }

  #learn(said: Classification, value: Classified["value"]): void {
    if (said === "technical" && typeof value === "number") this.#ourNumbers.add(value);
    if (said === "language") this.#ours.add(normal(languageOf(String(value))));
    if (typeof said !== "string" || !searched.includes(said)) return;
    if (typeof value === "number" && Number(value.toPrecision(6)) !== value) this.#numbers.add(value);
    if (typeof value !== "string" || anybodys.some((look) => look.test(value))) return;
    const text = normal(value);
    if (said === "id") for (const id of text.split("/")) this.#addId(id);
    else if (text.length >= lengths.value) this.#add(text);
    if (wordsToo.includes(said)) for (const word of wordsOf(text)) if (word.length >= lengths.word) this.#add(word);
  }

  /** What makes it unique: its prefix is in every one, and the short ones are words of ours. */
  #addId(id: string): void {
    const unique = id.slice(id.indexOf("_") + 1);
    if (unique.length >= lengths.id) this.#add(unique);
  }

  #add(token: string): void {
    const text = normal(token);
    const start = text.slice(0, lengths.value);
    if (start.length < lengths.value) return;
    const alike = this.#tokens.get(start) ?? new Map<number, Set<string>>();
    this.#tokens.set(start, alike);
    const found = alike.get(text.length) ?? new Set();
    alike.set(text.length, found);
    if (found.has(text)) return;
    found.add(text);
    this.#count++;
  }

  /** Everything in the items that production has. */
  search(items: readonly RedactedItem[]): readonly Leak[] {
    return items.flatMap((item) =>
      textsOf(item, item.kind)
        .filter(({ value }) => this.#isKnown(value))
        .map(({ way }) => ({ item: item.id, way })),
    );
  }

  #isKnown(value: unknown): boolean {
    if (typeof value === "number")
      return this.#numbers.has(value) && !this.#ourNumbers.has(value) && sizeClass(value) !== value;
    return typeof value === "string" && readings(value).some((text) => this.#isIn(normal(text)));
  }

  #isIn(text: string): boolean {
    for (let at = 0; at + lengths.value <= text.length; at++)
      for (const [length, tokens] of this.#tokens.get(text.slice(at, at + lengths.value)) ?? []) {
        const token = text.slice(at, at + length);
        if (tokens.has(token) && stands(text, at, token) && !this.#isOurs(token)) return true;
      }
    return false;
  }

  #isOurs(token: string): boolean {
    return this.#ours.has(token) || (token.includes(" ") && this.#ourTexts.includes(token));
  }

  /**
   * The positive control: hides known tokens, as every encoding has them, in a copy of an item, and gives how many were not
   * found again. A scan that finds nothing proves something only if this is 0.
   */
  missed(sample: number): { readonly tried: number; readonly missed: number } {
    const all = [...this.#tokens.values()]
      .flatMap((alike) => [...alike.values()].flatMap((tokens) => [...tokens]))
      .filter((token) => !this.#isOurs(token));
    const step = Math.max(1, Math.floor(all.length / sample));
    const chosen = all.filter((_, at) => at % step === 0);
    const hidden = chosen.flatMap((token) => disguises.map((disguise) => disguise(token)));
    return { tried: hidden.length, missed: hidden.filter((text) => !this.#isKnown(text)).length };
  }
}

const disguises: readonly ((token: string) => string)[] = [
  (token) => token.toLowerCase(),
  (token) => `${filling} ${token}, ${filling}`,
  (token) => Buffer.from(`-- ${token} --`).toString("base64"),
  (token) => Buffer.from(`-- ${token} --`).toString("hex"),
  (token) => encodeURIComponent(`-- ${token} --`),
];
const filling = "lorem ipsum";

/** A short token counts where it stands alone: chance puts five letters into any hash. */
function stands(text: string, at: number, token: string): boolean {
  if (token.length >= lengths.anywhere) return true;
  return !isWord(text.charAt(at - 1)) && !isWord(text.charAt(at + token.length));
}

function isWord(character: string): boolean {
  return /[\p{L}\p{M}\p{N}]/u.test(character);
}

/** Days and versions: another day is somebody else's, and no version is anybody's. */
const anybodys: readonly RegExp[] = [/^\d{4}-\d\d-\d\d$/u, /^\d{1,5}\.\d{1,5}\.?\d{0,5}$/u];

/**
 * One spelling for what people write in several: "ß" is "SS", "ı" is "I", and half a character, of which no text is made, is
 * the sign for that.
 */
export function normal(text: string): string {
  return text.toWellFormed().normalize("NFKC").toLowerCase().toUpperCase().normalize("NFKC");
}

function wordsOf(text: string): readonly string[] {
  return text.match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
}

/** What a text says to whoever tries the usual encodings on it. */
function readings(text: string): readonly string[] {
  const found = [text];
  if (text.includes("%")) found.push(unescape(text));
  for (const [run] of text.matchAll(/[\w+/-]{8,}/gu)) found.push(Buffer.from(run, "base64").toString());
  for (const [run] of text.matchAll(/[0-9a-f]{10,}/giu)) found.push(Buffer.from(run, "hex").toString());
  return found;
}

interface Text {
  readonly value: unknown;
  readonly way: string;
}

/** Every value in it, and every key of a map. */
function textsOf(value: unknown, way: string): readonly Text[] {
  if (Array.isArray(value)) return value.flatMap((member) => textsOf(member, way));
  if (typeof value !== "object" || value === null) return [{ value, way }];
  return Object.entries(value).flatMap(([name, inner]) => [
    { value: name, way: `${way}.${name}` },
    ...textsOf(inner, `${way}.${name}`),
  ]);
}
