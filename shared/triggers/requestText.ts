import { invalidField } from "../web/problem.ts";

/**
 * Normalising is quadratic in the marks that follow one letter, so a text that no language needs could stop the process.
 * Unicode's Stream-Safe Text Format allows 30 (UAX #15).
 */
const markAvalanche = /\p{M}{31}/u;

/** Whether the text is well-formed, can be stored, and can be normalised in time. */
export function isText(value: string): boolean {
  return value.isWellFormed() && !value.includes("\u0000") && !markAvalanche.test(value);
}

/** The text in Unicode's NFC, so that what is looked for is what was stored. Throws `invalid_request` for what is none. */
export function text(value: string, pointer: string): string {
  if (isText(value)) return value.normalize("NFC");
  throw invalidField(pointer.toWellFormed(), "text", "holds characters that are no text");
}
