import { stripVTControlCharacters, styleText } from "node:util";

export type Party = "tenant" | "guest" | "receiver" | "stack";

/** A line of the table at the end: something that was to be true, whether it is, and what shows it. */
export interface Claim {
  readonly step: string;
  readonly holds: boolean;
  readonly result: string;
  readonly ms?: number | undefined;
  readonly bytes?: number | undefined;
}

const out = process.stdout;
const color = (format: Parameters<typeof styleText>[0], text: string) => styleText(format, text, { stream: out });
const colors = { tenant: "blue", guest: "magenta", receiver: "cyan", stack: "dim" } as const;

/** The line that is drawn again and again at a terminal, until something final takes its place. */
let live = "";

/** One finished line. */
export function say(party: Party, text: string): void {
  clearLive();
  out.write(`  ${color(colors[party], party.padEnd(8))}  ${text}\n`);
}

/** At a terminal: a line that the next one replaces. Elsewhere nothing. */
export function sayLive(party: Party, text: string): void {
  if (!out.isTTY) return;
  const line = `  ${color(colors[party], party.padEnd(8))}  ${text}`;
  if (stripVTControlCharacters(line).length >= out.columns) return;
  live = line;
  out.write(`\r\u001b[2K${line}`);
}

function clearLive(): void {
  if (live !== "") out.write("\r\u001b[2K");
  live = "";
}

/** Lines of their own, not said by a party. */
export function print(text = ""): void {
  clearLive();
  out.write(`${text}\n`);
}

/** A paragraph, indented, with lines that break between words. */
export function printText(text: string): void {
  const width = Math.min(out.columns || 100, 100) - 5;
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + word.length >= width) {
      print(`    ${line}`);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  print(`    ${line}`);
}

export function heading(text: string): string {
  return color("bold", text);
}

export function dim(text: string): string {
  return color("dim", text);
}

export function mark(holds: boolean): string {
  return holds ? color("green", "✓") : color("red", "✗");
}

const barWidth = 20;

/** Shows how far something is: a bar at a terminal; elsewhere a plain line for each further quarter. */
export function progress(party: Party, what: string, total: number): (done: number) => void {
  const started = performance.now();
  let quarter = 0;
  let drawn = 0;
  return (done) => {
    const share = done / total;
    if (!out.isTTY) {
      if (Math.floor(share * 4) <= quarter) return;
      quarter = Math.floor(share * 4);
      say(party, `${what}: ${quarter * 25} %`);
      return;
    }
    const now = performance.now();
    if (now - drawn < 50 && done < total) return;
    drawn = now;
    const speed = done / 1e6 / ((now - started) / 1000);
    sayLive(party, `${what} ${bar(share)}  ${megabytes(done)} of ${megabytes(total)}, ${speed.toFixed(0)} MB/s`);
  };
}

/** A bar with its number; `share` is 0..1. */
export function bar(share: number): string {
  const filled = Math.round(share * barWidth);
  const percent = Math.floor(share * 100)
    .toString()
    .padStart(3);
  return `${color("green", "━".repeat(filled))}${color("dim", "─".repeat(barWidth - filled))} ${percent} %`;
}

export function megabytes(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(0)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

export function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** The claims, aligned, and whether all of them hold. */
export function claimTable(claims: readonly Claim[], ms: number): string {
  const rows = claims.map(({ step, holds, result, ms, bytes }) => ({
    cells: [
      step,
      ms === undefined ? "" : duration(ms),
      bytes === undefined ? "" : bytes.toLocaleString("en-US"),
      result,
    ],
    holds,
  }));
  const failed = claims.filter(({ holds }) => !holds).length;
  const verdict = [failed === 0 ? "All of it is true" : `${failed} of ${claims.length} is not true`, duration(ms)];
  const head = ["Step", "Time", "Bytes", "Result"];
  const lines = [head, verdict, ...rows.map(({ cells }) => cells)];
  const widths = head.map((_, at) => Math.max(...lines.map((cells) => cells[at]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, at) => (at === 1 || at === 2 ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0)))
      .join("  ")
      .trimEnd();
  return [
    `    ${heading(line(head))}`,
    ...rows.map(({ cells, holds }) => `  ${mark(holds)} ${line(cells)}`),
    `    ${dim("─".repeat(widths.reduce((sum, width) => sum + width + 2, -2)))}`,
    `  ${mark(failed === 0)} ${heading(line(verdict))}`,
  ].join("\n");
}
