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

  /** A name as there are, with letters that have no other case, two or another one. */
  name(): string {
    const names = ["Müller", "Weiß", "Işık", "Σοφίας", "Đặng"] as const;
    return `Zoë ${this.#word(names[this.#words.length % names.length] ?? "")}`;
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

  /** A figure as on a meter. */
  number(): number {
    const number = 1_000_000_000 + this.#random.below(2 ** 31) * 2 + 1;
    this.#words.push(String(number));
    return number;
  }

  color(): string {
    const color = this.#random
      .below(2 ** 24)
      .toString(16)
      .padStart(6, "0");
    this.#words.push(color);
    return `#${color}`;
  }

  /** A language as nobody forbids a caller to write it (BCP 47). */
  locale(): string {
    const variant = `v${this.#random
      .below(2 ** 32)
      .toString(36)
      .padStart(7, "0")}`;
    this.#words.push(variant);
    return `de-${variant}-CH`;
  }

  handle(): string {
    return this.#word("q").toLowerCase();
  }

  /** A secret's hash, or a file's, or that in a derived id. */
  hash(digits = 64): string {
    const quads = Array.from({ length: digits / 4 }, () => this.#random.below(65_536).toString(16).padStart(4, "0"));
    const hash = quads.join("");
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
