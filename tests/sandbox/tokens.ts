import { crockford } from "../../shared/tenancy/ids.ts";
import { Random } from "../certify/random.ts";

/**
 * Texts as people write them, each with a word in it that nothing else has: what is personal in them can be looked for
 * without knowing anything of how a copy is made.
 */
export class Tokens {
  readonly #random: Random;
  readonly #words: string[] = [];

  constructor(seed: string) {
    this.#random = new Random(`${seed} tokens`);
  }

  /** The words, in lower case. */
  get words(): readonly string[] {
    return this.#words;
  }

  name(): string {
    return `Zoë ${this.#word("Müller")}`;
  }

  email(): string {
    return `${this.#word("mail")}@example.com`;
  }

  phone(): string {
    const digits = `49170${String(this.#words.length).padStart(8, "0")}`;
    this.#words.push(digits);
    return `+${digits}`;
  }

  reference(): string {
    return `POL-2026/${this.#word("r")}`;
  }

  text(): string {
    return `Please come to ${this.#word("Elm")} street.\nThe key is below the pot, ask for ${this.#word("Frau")}!`;
  }

  handle(): string {
    return this.#word("q").toLowerCase();
  }

  /** A secret's hash, or a file's. */
  hash(): string {
    const hash = Array.from({ length: 16 }, () => this.#random.below(65_536).toString(16).padStart(4, "0")).join("");
    this.#words.push(hash);
    return hash;
  }

  id(prefix: string): string {
    const unique = Array.from({ length: 25 }, () => crockford.charAt(this.#random.below(32))).join("");
    this.#words.push(`0${unique}`.toLowerCase());
    return `${prefix}_0${unique}`;
  }

  /** The first is part of the word, in whatever script. */
  #word(start: string): string {
    const word = `${start}${this.#random.below(2 ** 32).toString(36)}${this.#words.length.toString(36)}`;
    this.#words.push(word.toLowerCase());
    return word;
  }
}

/** The words that are found in the texts. */
export function foundIn(texts: Iterable<string>, words: readonly string[]): readonly string[] {
  const present = new Set<string>();
  for (const text of texts) for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []) present.add(word);
  return words.filter((word) => present.has(word));
}
