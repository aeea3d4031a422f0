/**
 * JSON that stays text wherever it is pasted: `<`, `>`, `&` and the two line separators are written as \u escapes, so a
 * body shown inside HTML or a script cannot end either. Lossless for every JSON parser.
 */
export function toJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[<>&\u2028\u2029]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
