import type { SwapReport } from "./simulate.ts";

/** The report as lines for a person. */
export function tableOf(report: SwapReport): string {
  const { swaps, accepted, states, versions, requests, cutOff, failures, seconds, violations } = report;
  const forth = swaps.filter(({ to }) => to === "next").length;
  const consumed = (build: "previous" | "next") => swaps.reduce((sum, swap) => sum + swap.consumed[build], 0);
  const died = Object.entries(Object.groupBy(swaps, ({ killedAt }) => killedAt)).map(
    ([stage, of]) => `${stage} ${of.length}`,
  );
  return [
    `${forth} swaps to the next build, ${swaps.length - forth} back; the old one was killed at: ${died.join(", ")}`,
    `messages consumed while both were at work: previous ${consumed("previous")}, next ${consumed("next")}`,
    `${accepted} uploads accepted; all videos: ${counts(states)}`,
    `documents by schema version: ${counts(versions)}`,
    `${requests} requests, ${cutOff} cut off; answers of 500 and above: ${counts(failures)}`,
    `${Math.round(seconds)} s`,
    violations.length === 0 ? "nothing lost, nothing twice, nothing failed" : `${violations.length} violations:`,
    ...violations.slice(0, 40),
  ].join("\n");
}

function counts(record: Readonly<Record<string, number>>): string {
  const all = Object.entries(record).map(([name, number]) => `${name}: ${number}`);
  return all.length === 0 ? "none" : all.join(", ");
}
