import { stripVTControlCharacters } from "node:util";
import { bar, dim, duration, heading, mark, print } from "../../local/demo/screen.ts";
import type { SectionStatement, Statement } from "./certificate.ts";
import type { Section, Violation } from "./ledger.ts";

const out = process.stdout;
const shown = 20;

/** Shows how far a section is: a bar at a terminal, elsewhere a line when it begins. */
export function showProgress({ promised: { title } }: Section, share: number): void {
  if (!out.isTTY) {
    if (share === 0) print(`  … ${title}`);
    return;
  }
  const line = `  ${bar(share)}  ${title}`;
  if (stripVTControlCharacters(line).length < out.columns) out.write(`\r\u001b[2K${line}`);
}

/** One finished section: what was tried, and whether it holds. */
export function showSection({ title, counts, missed, violations }: SectionStatement): void {
  if (out.isTTY) out.write("\r\u001b[2K");
  print(`  ${mark(violations.length === 0 && missed.length === 0)} ${heading(title)}`);
  for (const [what, count] of Object.entries(counts))
    print(`      ${dim(count.toLocaleString("en-US").padStart(7))} ${what}`);
  for (const sentence of missed) print(`      ${mark(false)} ${sentence}`);
  for (const violation of violations.slice(0, shown)) showViolation(violation);
  if (violations.length > shown) print(`      … and ${violations.length - shown} more in the certificate`);
}

function showViolation({
  operation,
  caller,
  credential,
  target,
  expected,
  got,
  request,
  requestId,
  control,
}: Violation): void {
  print(`      ${mark(false)} ${heading(operation)} by ${caller}, credential: ${credential}, target: ${target}`);
  print(`          request   ${request}${requestId === undefined ? "" : ` (${requestId})`}`);
  print(`          expected  ${expected}`);
  print(`          got       ${got}`);
  print(`          look at   ${control}`);
}

export function showResult({ result, seconds, scope }: Statement): void {
  const words = {
    isolated: "No attempt came through",
    violated: "Isolation is violated",
    "not enough was tried": "Not enough was tried",
  };
  const part = scope === "part" ? " (a part only)" : "";
  print(`\n  ${mark(result === "isolated")} ${heading(`${words[result]}${part}`)}  ${dim(duration(seconds * 1000))}`);
}
