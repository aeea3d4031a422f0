/** What a spreadsheet takes for a formula, also behind its own white space (OWASP, CSV Injection). */
const formula = /^[\t\r\n ]*[=+\-@＝＋－＠]|^[\t\r]/u;

/**
 * A table as CSV (RFC 4180): UTF-8, CRLF, a header line, every text in quotes. A text that a spreadsheet would calculate
 * begins with an apostrophe; numbers are written as they are.
 */
export function csv(columns: readonly string[], rows: readonly (readonly (string | number | undefined)[])[]): string {
  return [columns, ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

function cell(value: string | number | undefined): string {
  if (value === undefined) return "";
  if (typeof value === "number") return String(value);
  return `"${(formula.test(value) ? `'${value}` : value).replaceAll('"', '""')}"`;
}
