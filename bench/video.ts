import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { bareList } from "./video/bare.ts";
import { type Cost, costOfChildren } from "./video/processTime.ts";
import { copyableRecording, phoneRecording, wrongFile } from "./video/inputs.ts";

const usage = `Measures what makes a video ready, against the bare programs doing the same list of jobs in the same run.

  npm run bench:video [-- --rounds N] [--only transcode|remux|memory|reject|storyboard|parallel|answers]

Prints a table and writes reports/bench-video.json.`;

/** What `work.ts` prints. */
interface Work extends Cost {
  readonly method: "remux" | "transcode";
  readonly nodeSeconds: number;
  readonly grownBytes: number;
}

interface Row {
  readonly what: string;
  readonly ours: string;
  readonly bare: string;
  readonly ratio: number;
  readonly wanted: string;
}

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "3" }, only: { type: "string" }, help: { type: "boolean" } },
});
if (values.help) console.log(usage);
else await main(Number(values.rounds), values.only);

async function main(rounds: number, only: string | undefined): Promise<void> {
  const subjects: Readonly<Record<string, () => Promise<readonly Row[]>>> = {
    transcode: async () => [
      await compare("transcode, 15 s", await phoneRecording(15), 15, rounds, "cpu <= 1.3"),
      await compare("transcode, 60 s", await phoneRecording(60), 60, rounds, "cpu <= 1.15"),
    ],
    remux: async () => [await compare("remux, 10 min", await copyableRecording(600), 600, rounds, "wall <= 1.3")],
    memory: () => memory(),
    reject: async () => [await reject()],
    storyboard: async () => [await storyboard(rounds)],
    parallel: async () => [await parallel(rounds)],
    answers: async () => [await answers(rounds)],
  };
  const chosen = Object.entries(subjects).filter(([name]) => only === undefined || name === only);
  if (chosen.length === 0) throw new Error(usage);
  const rows: Row[] = [];
  for (const [, measure] of chosen) rows.push(...(await measure()));
  console.log("what | Callpilot | bare or other | ratio | wanted");
  for (const { what, ours, bare, ratio, wanted } of rows)
    console.log([what, ours, bare, ratio.toFixed(2), wanted].join(" | "));
  await mkdir("reports", { recursive: true });
  await writeFile("reports/bench-video.json", JSON.stringify(rows, null, 2) + "\n");
}

/** In turns, so that whatever else the machine does meets both alike; medians. */
async function compare(what: string, path: string, seconds: number, rounds: number, wanted: string): Promise<Row> {
  const ours: Work[] = [];
  const bare: Cost[] = [];
  for (let round = 0; round < rounds; round++) {
    const work = await inFolder((folder) => workOn(path, folder));
    ours.push(work);
    const list = { method: work.method, path, seconds };
    bare.push(await inFolder((folder) => costOfChildren(() => bareList({ ...list, folder }))));
  }
  const measure = wanted.startsWith("cpu") ? "cpuSeconds" : "wallSeconds";
  const [mine, theirs] = [median(ours.map((cost) => cost[measure])), median(bare.map((cost) => cost[measure]))];
  const [unit] = wanted.split(" ");
  return { what, ours: `${unit} ${mine.toFixed(2)} s`, bare: `${theirs.toFixed(2)} s`, ratio: mine / theirs, wanted };
}

/** How the worker's own memory grows, from a small file to one of 2 GB; and what stills cost, from a minute to an hour. */
async function memory(): Promise<readonly Row[]> {
  const small = await inFolder(async (folder) => workOn(await copyableRecording(150, 5), folder));
  const large = await inFolder(async (folder) => workOn(await copyableRecording(3600, 5), folder));
  const megabytes = ({ grownBytes }: Work) => `${(grownBytes / 1e6).toFixed(0)} MB`;
  return [
    {
      what: "memory of Node grown, 2 GB against 100 MB",
      ours: megabytes(large),
      bare: megabytes(small),
      ratio: large.grownBytes / small.grownBytes,
      wanted: "< 80 MB, flat",
    },
  ];
}

/** Bytes of a wrong file of 1 GB that are read before it is refused. */
async function reject(): Promise<Row> {
  const bytes = 1024 ** 3;
  const path = await wrongFile(bytes);
  const { bytesRead } = await inFolder((folder) => ran<{ bytesRead: number }>("video/refuse.ts", path, folder));
  return {
    what: "bytes read to refuse 1 GB",
    ours: `${bytesRead}`,
    bare: `${bytes}`,
    ratio: bytesRead / bytes,
    wanted: "< 0.01",
  };
}

/** What the pictures under the timeline of an hour cost, against those of a minute. */
async function storyboard(rounds: number): Promise<Row> {
  const paths = { minute: await copyableRecording(60), hour: await copyableRecording(3600) };
  const costs: { readonly [length in keyof typeof paths]: number[] } = { minute: [], hour: [] };
  for (let round = 0; round < rounds; round++)
    for (const length of ["minute", "hour"] as const) {
      const { cpuSeconds } = await inFolder((folder) => ran<Cost>("video/stillsOf.ts", paths[length], folder));
      costs[length].push(cpuSeconds);
    }
  const [minute, hour] = [median(costs.minute), median(costs.hour)];
  return {
    what: "storyboard of an hour against that of a minute, CPU",
    ours: `${hour.toFixed(2)} s`,
    bare: `${minute.toFixed(2)} s`,
    ratio: hour / minute,
    wanted: "<= 1.5",
  };
}

/** How the API answers while two videos are encoded beside it, against how it answers when nothing is. */
async function answers(rounds: number): Promise<Row> {
  const idle: number[] = [];
  const busy: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const { idleMs, busyMs } = await ran<{ idleMs: number; busyMs: number }>("video/answers.ts");
    idle.push(idleMs);
    busy.push(busyMs);
  }
  const [one, other] = [median(idle), median(busy)];
  return {
    what: "95th percentile of answers while two videos are encoded",
    ours: `${other.toFixed(1)} ms`,
    bare: `${one.toFixed(1)} ms idle`,
    ratio: other / one,
    wanted: "<= 3",
  };
}

/** Two remux jobs side by side against the same two one after the other. */
async function parallel(rounds: number): Promise<Row> {
  const path = await copyableRecording(600);
  const apart: number[] = [];
  const together: number[] = [];
  const cores: number[] = [];
  const job = () => inFolder((folder) => workOn(path, folder));
  for (let round = 0; round < rounds; round++) {
    const started = performance.now();
    for (const { cpuSeconds, wallSeconds } of [await job(), await job()]) cores.push(cpuSeconds / wallSeconds);
    const between = performance.now();
    await Promise.all([job(), job()]);
    apart.push((between - started) / 1000);
    together.push((performance.now() - between) / 1000);
  }
  const [one, two] = [median(apart), median(together)];
  return {
    what: "throughput of two remux jobs at once",
    ours: `${two.toFixed(2)} s`,
    bare: `${one.toFixed(2)} s in turn, each on ${median(cores).toFixed(2)} cores`,
    ratio: one / two,
    wanted: ">= 1.6",
  };
}

function workOn(path: string, folder: string): Promise<Work> {
  return ran<Work>("video/work.ts", path, folder);
}

async function ran<T>(program: string, ...args: readonly string[]): Promise<T> {
  const child = spawn(process.execPath, [join(import.meta.dirname, program), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`${program} ended with ${code ?? "a signal"}`);
  return JSON.parse(output) as T;
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "callpilot-bench-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? 0;
}
