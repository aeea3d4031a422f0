import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const ticksPerSecond = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

/** CPU seconds of a process and of the children that it has waited for, which Linux counts by `_SC_CLK_TCK`. */
export function cpuSeconds(pid: number | "self"): { readonly own: number; readonly children: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name of the program, in brackets, may hold anything; the numbers begin behind it with the third field.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const seconds = (field: number) => Number(fields[field - 3]) / ticksPerSecond;
  return { own: seconds(14) + seconds(15), children: seconds(16) + seconds(17) };
}

/** Resident memory of a process, in bytes. */
export function residentBytes(pid: number | "self"): number {
  const [, kibibytes = "0"] = /^VmRSS:\s+(\d+) kB$/mu.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kibibytes) * 1024;
}

export interface Cost {
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
}

/** What running programs cost, started and waited for by this process one after the other or side by side. */
export async function costOfChildren(work: () => Promise<void>): Promise<Cost> {
  const before = cpuSeconds("self").children;
  const started = performance.now();
  await work();
  const wallSeconds = (performance.now() - started) / 1000;
  return { wallSeconds, cpuSeconds: cpuSeconds("self").children - before };
}
