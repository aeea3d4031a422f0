import { type Problem, invalidField } from "../web/problem.ts";
import { isText } from "./requestText.ts";

export const maxDepth = 16;

/**
 * Refuses JSON that is valid and that parsers understand differently: two members of one name, of which they keep the
 * first or the last, and numbers that a double cannot hold, which they round, or make infinite (RFC 8259, 4 and 6). The
 * text was parsed already, so that only texts, braces, the colon behind a name and digits matter.
 */
export function refuseAmbiguity(json: string): void {
  const open: Set<string>[] = [];
  const colon = /\s*:/uy;
  const number = /-?\d[\d.e+-]*/iuy;
  for (let at = 0; at < json.length; at++) {
    const character = json[at] ?? "";
    if (character === "{") {
      if (open.push(new Set()) > maxDepth) throw tooComplex();
    } else if (character === "}") open.pop();
    else if (character === '"') {
      const end = endOfText(json, at);
      colon.lastIndex = end;
      if (colon.test(json)) addName(open.at(-1), json.slice(at, end));
      at = end - 1;
    } else if (character === "-" || (character >= "0" && character <= "9")) {
      number.lastIndex = at;
      const literal = number.exec(json)?.[0] ?? "";
      if (!isExact(literal)) throw invalidField("", "number", `holds ${literal.slice(0, 40)}, which would be rounded`);
      at += literal.length - 1;
    }
  }
}

function addName(names: Set<string> | undefined, quoted: string): void {
  const raw = JSON.parse(quoted) as string;
  // What is no text is refused later, where its place is known.
  const name = isText(raw) ? raw.normalize("NFC") : raw;
  if (names?.has(name) === true) throw invalidField("", "repeated", "has two members of the same name");
  names?.add(name);
}

/** Where the text that begins at the quotation mark ends: behind its other one. */
function endOfText(json: string, start: number): number {
  let at = start + 1;
  while (json[at] !== '"') at += json[at] === "\\" ? 2 : 1;
  return at + 1;
}

/** No double needs more; a longer one says nothing that is kept. */
const maxLiteral = 64;

/** Whether the number, parsed and written again, is the same number. */
function isExact(literal: string): boolean {
  if (/^-?\d{1,15}$/u.test(literal)) return true;
  return literal.length <= maxLiteral && significant(literal) === significant(String(Number(literal)));
}

/** The same text for the same number: its digits without the zeros around them, and the place of the last one. */
function significant(literal: string): string {
  const sign = literal.startsWith("-") ? "-" : "";
  const [mantissa = "", exponent = "0"] = literal.slice(sign.length).toLowerCase().split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  const digits = Array.from(whole + fraction);
  const first = digits.findIndex((digit) => digit !== "0");
  const last = digits.findLastIndex((digit) => digit !== "0");
  if (first === -1) return "0";
  return `${sign}${digits.slice(first, last + 1).join("")}e${Number(exponent) - fraction.length + digits.length - last}`;
}

export function tooComplex(): Problem {
  return invalidField("", "too_complex", "is nested too deep or has too many members");
}
