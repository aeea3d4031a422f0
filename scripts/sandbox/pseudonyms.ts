import { createHmac } from "node:crypto";
import { longestText } from "../../shared/templates/template.ts";
import { crockford } from "../../shared/tenancy/ids.ts";
import { blobNames } from "../../shared/videos/video.ts";

/** An id of ours, wherever it stands in a text: a ULID, or a hash of what it follows from. */
const idsInText = /\b([a-z]{2,4})_([0-7][0-9A-HJKMNP-TV-Z]{25}|[0-9a-f]{40})\b/gu;
/** What else the name of a blob is made of. */
const wordsOfNames = ["", ...Object.values(blobNames("", "")).flatMap((name) => name.split("/"))];

const filler =
  "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore magna aliqua. ";
const dayMs = 86_400_000;
const nameless = "Redacted";

/** Where mail goes nowhere (RFC 2606, 2), and a country code that no country has (ITU-T E.164). */
const nowhere = { domain: "redacted.invalid", callingCode: "+999" } as const;

/** What is in every copy, whosever it is. */
export const standIns: readonly string[] = [fillerOf(2 * longestText), nameless, `@${nowhere.domain}`, ...wordsOfNames];

/** The years that a time can be written with (RFC 3339). */
const earliest = Date.parse("0000-01-01T00:00:00.000Z");

const nameOf = {
  language: new Intl.DisplayNames("en", { type: "language", fallback: "none" }),
  region: new Intl.DisplayNames("en", { type: "region", fallback: "none" }),
};

/**
 * What stands in a copy for what must not be in it. The same value has the same pseudonym everywhere, in every copy that is
 * made with the same key; without the key nobody can tell which is whose, nor try whether a guess is right.
 */
export class Pseudonyms {
  readonly #key: Uint8Array;

  /** `key`: 32 random bytes. No tenant's pseudonyms are another's. */
  constructor(key: Uint8Array, tenantId: string) {
    this.#key = createHmac("sha256", key).update(tenantId).digest();
  }

  /** An id or the name of a blob; whatever is neither becomes unrecognisable. */
  id(text: string): string {
    const rest = text.replaceAll(idsInText, "").replaceAll(".json", "").split("/");
    if (!rest.every((word) => wordsOfNames.includes(word)))
      return `x_${this.#hash("other", text).toString("hex", 0, 20)}`;
    return text.replaceAll(idsInText, (id: string, prefix: string, unique: string) => {
      const hash = this.#hash("id", id);
      if (unique.length === 40) return `${prefix}_${hash.toString("hex", 0, 20)}`;
      // The first digit of a ULID holds three bits only.
      return `${prefix}_${letters(hash, 26).replace(/^./u, (first) => String(crockford.indexOf(first) % 8))}`;
    });
  }

  handle(text: string): string {
    return `q_${letters(this.#hash("handle", text), 16).toLowerCase()}`;
  }

  personal(text: string): string {
    return `${nameless} ${letters(this.#hash("personal", text), 12)}`;
  }

  /** Addresses that differ in case only stay one address. */
  email(text: string): string {
    const name = letters(this.#hash("email", text.toLowerCase()), 16).toLowerCase();
    return `${name}@${nowhere.domain}`;
  }

  phone(text: string): string {
    const digits = this.#hash("phone", text).readBigUInt64BE() % 100_000_000_000n;
    return nowhere.callingCode + String(digits).padStart(11, "0");
  }

  /** Another text, about as long. */
  freeText(text: string): string {
    return fillerOf(lengthClass(Array.from(text).length));
  }

  /**
   * A time or a day, with as many digits as it had, one to fourteen days earlier. What belongs to one subject moves by one
   * and the same time: its order and distances stay, days and hours do not, and no subject tells how far another moved.
   * Undefined for what is no time.
   */
  time(text: string, subject: string): string | undefined {
    const time = Date.parse(text) - this.#earlierMs(subject);
    return Number.isNaN(time) ? undefined : written(time, text);
  }

  /** The midnight behind the time that it is moved to: a full hour would tell by how much its subject moves. */
  deadline(text: string, subject: string): string | undefined {
    const time = Date.parse(text) - this.#earlierMs(subject);
    return Number.isNaN(time) ? undefined : written(Math.ceil(time / dayMs) * dayMs, text);
  }

  /** A hash or a version: as long and as it is written, so that code that parses it does. */
  fingerprint(text: string): string {
    const hash = this.#hash("fingerprint", text)
      .toString("hex")
      .repeat(Math.ceil(text.length / 64) || 1);
    if (/^[0-9a-f]*$/u.test(text)) return hash.slice(0, text.length);
    return `"0x${hash.slice(0, 16).toUpperCase()}"`;
  }

  /** What comes in the place of a secret: made of where it is, not of what it was. */
  secret(place: string): string {
    return this.#hash("secret", place).toString("hex");
  }

  /** 0 ≤ number < 1, of a place and nothing else. */
  number(place: string): number {
    return this.#hash("number", place).readUInt32BE() / 2 ** 32;
  }

  #earlierMs(subject: string): number {
    return dayMs + (this.#hash("time", subject).readUInt32BE() % (13 * dayMs));
  }

  #hash(use: string, value: string): Buffer {
    return createHmac("sha256", this.#key).update(`${use}\0${value}`).digest();
  }
}

function written(time: number, as: string): string {
  const text = new Date(Math.max(earliest, time)).toISOString();
  return as.length === 10 ? text.slice(0, 10) : text;
}

function fillerOf(length: number): string {
  return filler.repeat(Math.ceil(length / filler.length)).slice(0, length);
}

function letters(hash: Buffer, count: number): string {
  return Array.from(hash.subarray(0, count), (byte) => crockford.charAt(byte % crockford.length)).join("");
}

/** Its language and region, if there are such, and nothing else that stood there (BCP 47); `und` is no language. */
export function languageOf(text: string): string {
  const [language = "", ...subtags] = text.split("-");
  if (!/^[a-z]{2,3}$/u.test(language) || nameOf.language.of(language) === undefined) return "und";
  const region = subtags.find((subtag) => /^[A-Z]{2}$/u.test(subtag) && nameOf.region.of(subtag) !== undefined);
  return region === undefined ? language : `${language}-${region}`;
}

/** The largest power of two, or one and a half of one, that is not above it: all that is told of how long a text was. */
export function lengthClass(length: number): number {
  const power = sizeClass(length);
  return length >= power * 1.5 ? Math.trunc(power * 1.5) : power;
}

/** Milliseconds to the second, as a player tells how long a video lasts; of what is shorter, one. */
export function durationClass(ms: number): number {
  return ms > 0 ? Math.max(1, Math.round(ms / 1000)) * 1000 : 0;
}

/** The largest power of two that is not above it: all that is told of how large a file was. */
export function sizeClass(bytes: number): number {
  return bytes < 1 ? 0 : 2 ** Math.floor(Math.log2(bytes));
}
