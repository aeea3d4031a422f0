import { mixed } from "../contracts/strays.ts";
import type { Random } from "./random.ts";

/** A text that was genuine, and what was done to it. */
export interface Tampered {
  readonly flaw: string;
  readonly text: string;
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** The text with another letter at the place, in the middle unless one is given. */
export function altered(text: string, at = Math.floor(text.length / 2)): string {
  const there = letters.indexOf(text.charAt(at));
  // Far enough away to change bits that count, also in the last letter of base64.
  const letter = letters.charAt((there + 17) % letters.length);
  return text.slice(0, at) + letter + text.slice(at + 1);
}

/** A credential or token whose parts stand between dots: with parts of another's, and altered. */
export function mixtures(mine: string, theirs: string, random: Random): readonly Tampered[] {
  const parts = mine.split(".").length;
  const secret = mine.lastIndexOf(".") + 1;
  const places = Array.from({ length: mine.length - secret }, (_, at) => secret + at);
  return [
    ...(parts === 3 ? mixed(mine, theirs).filter((text) => text !== mine && text !== theirs) : []).map((text) => ({
      flaw: "with a part of another's",
      text,
    })),
    ...random.some(places, 12).map((at) => ({ flaw: "with another letter", text: altered(mine, at) })),
    { flaw: "cut short", text: mine.slice(0, -1) },
    { flaw: "with a letter more", text: `${mine}A` },
    { flaw: "with a part more", text: `${mine}.${parts}` },
  ];
}
