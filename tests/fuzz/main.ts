import { randomInt } from "node:crypto";
import { readFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { trust } from "../../local/certificates.ts";
import { build } from "../../scripts/build.ts";
import { startStackProcess } from "../support/stack.ts";
import { useStack } from "../support/stackUnderTest.ts";
import { type Finding, type FuzzReport, fuzz } from "./fuzz.ts";

const { values } = parseArgs({
  options: {
    requests: { type: "string", default: "5000" },
    seed: { type: "string", default: String(randomInt(1_000_000)) },
    parallel: { type: "string", default: "8" },
  },
});

/** Fuzzes a stack of its own; exits with 1 where an answer was none that the document describes. */
async function main(): Promise<void> {
  const [seed, requests, parallel] = [values.seed, values.requests, values.parallel].map(Number) as [
    number,
    number,
    number,
  ];
  await build({});
  const dataDir = await mkdtemp(join(tmpdir(), "callpilot-fuzz-"));
  const stack = await startStackProcess({ dataDir, args: ["--no-seed"] });
  try {
    trust(await readFile(stack.caFile, "utf8"));
    useStack(stack);
    console.log(`seed ${seed}, ${requests} requests, ${parallel} at a time`);
    const memory: number[] = [];
    const started = performance.now();
    const onRound = async (sent: number) => {
      memory.push(await residentMiB(stack.process.pid ?? 0));
      if (sent % 5_000 === 0 || sent === requests) console.log(`${sent} sent, ${memory.at(-1) ?? 0} MiB`);
    };
    const report = await fuzz({ seed, requests, parallel, onRound, onFinding: show });
    print(report, (performance.now() - started) / 60_000, memory);
    if (report.findings.length > 0) process.exitCode = 1;
  } finally {
    await stack.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** What the stack's process has in memory: the app with the local database, storage and mail in it. */
async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(/^VmRSS:\s+(\d+) kB$/mu.exec(status)?.[1] ?? 0) / 1024);
}

function print(
  { sent, reached, byOperation, byStatus, findings }: FuzzReport,
  minutes: number,
  memory: number[],
): void {
  const statuses = [...byStatus].sort(([one], [other]) => one - other);
  const fewest = Math.min(...byOperation.values());
  console.log(`answers ${statuses.map(([status, count]) => `${status}: ${count}`).join(", ")}`);
  console.log(`${byOperation.size} operations, each ${fewest} times or more`);
  console.log(`reached a handler for certain: ${reached} (${Math.round((reached / sent) * 100)} %)`);
  console.log(`memory after each tenth: ${tenths(memory).join(", ")} MiB; ${minutes.toFixed(1)} minutes`);
  console.log(findings.length === 0 ? "every answer is described" : `${findings.length} answers are not`);
}

function show({ number, operation, mutation, fault, curl }: Finding): void {
  console.log(`#${number} ${operation} (${mutation === "" ? "fits the document" : mutation}): ${fault}\n${curl}`);
}

function tenths(memory: readonly number[]): number[] {
  const step = Math.max(1, Math.floor(memory.length / 10));
  return memory.filter((_, at) => (at + 1) % step === 0);
}

await main();
