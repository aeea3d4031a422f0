import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { build } from "../../scripts/build.ts";
import type { StackAddresses } from "../../local/client.ts";
import { recordDirVariable, recordFile } from "../../local/cosmos/recorder.ts";
import { type DatabaseRecord, databaseRecord } from "./databaseRecord.ts";

/** A running stack, as its `stack.json` describes it. */
export interface StackDescription extends StackAddresses {
  readonly blobUrl: string;
  readonly blobHttpUrl: string;
  readonly cosmosUrl: string;
  readonly vaultUrl: string;
  readonly caFile: string;
  readonly operator: { readonly email: string };
  readonly functions: readonly string[];
  /** Folder of its state. */
  readonly dataDir: string;
}

declare module "vitest" {
  interface ProvidedContext {
    /** `webhookOrigin` is where webhooks may reach beside public addresses; one test file listens there. */
    stack: StackDescription & { readonly webhookOrigin: string };
  }
}

export interface RunningStack extends StackDescription {
  readonly process: ChildProcess;
  /** Ends it as Ctrl-C does, and waits. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<number | null>;
}

/** A port that no connection takes by chance: below those that systems hand out. */
export function quietPort(): number {
  return randomInt(10_000, 30_000);
}

/** Names another folder with a built app that the tests are to run, such as an unpacked package. */
export const appFolderVariable = "CALLPILOT_APP_FOLDER";

/** As `npm start` runs it: what calls something deprecated ends the stack, and so the tests. */
const strict = ["--throw-deprecation"];

/** Starts `npm start`'s own program as a process of its own and waits until it is ready. */
export async function startStackProcess(options: {
  readonly dataDir: string;
  readonly port?: number;
  readonly args?: readonly string[];
  /** Folder of the built app; unless given, the one that {@link appFolderVariable} names, or this one. */
  readonly appDir?: string;
}): Promise<RunningStack> {
  const { dataDir, port = 0, args = [], appDir = process.env[appFolderVariable] ?? process.cwd() } = options;
  const program = join(import.meta.dirname, "..", "..", "local", "start.ts");
  const child = spawn(process.execPath, [...strict, program, "--data", dataDir, ...args], {
    cwd: appDir,
    env: { ...process.env, PORT: String(port) },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  let output = "";
  child.stdout?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const ready = new Promise<void>((resolve) =>
    child.once("message", () => {
      resolve();
    }),
  );
  const code = await Promise.race([ready, exited]);
  if (code !== undefined) throw new Error(`the stack ended with ${code}: ${output}`);
  const description = JSON.parse(await readFile(join(dataDir, "stack.json"), "utf8")) as StackDescription;
  return {
    ...description,
    dataDir,
    process: child,
    stop: async (signal = "SIGINT") => {
      child.kill(signal);
      return await exited;
    },
  };
}

/** Requests of the app that a run of all test files does not stay below. */
const leastOfAll = 20_000;

/**
 * Vitest's global set-up: one stack for the whole suite, and in the end what every database of the run has recorded. Every
 * test file makes tenants of its own.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await build({});
  const recordDir = await mkdtemp(join(tmpdir(), "callpilot-record-"));
  process.env[recordDirVariable] = recordDir;
  const compiledDir = await mkdtemp(join(tmpdir(), "callpilot-compiled-"));
  // Each of the run's many processes loads what others have compiled already.
  process.env["NODE_COMPILE_CACHE"] = compiledDir;
  const dataDir = await mkdtemp(join(tmpdir(), "callpilot-stack-"));
  const webhookOrigin = `http://127.0.0.1:${quietPort()}`;
  const {
    process: child,
    stop,
    ...stack
  } = await startStackProcess({
    dataDir,
    args: ["--no-seed", "--settings", `WEBHOOK_ALLOWED_ORIGINS=${webhookOrigin}`],
  });
  project.provide("stack", { ...stack, webhookOrigin });
  return async () => {
    if (child.exitCode === null) await stop();
    const record = await databaseRecord(recordDir, {
      recordFile: recordFile(recordDir, child.pid ?? 0, Number(new URL(stack.cosmosUrl).port)),
      logFile: join(dataDir, "functions.log"),
    });
    for (const dir of [dataDir, recordDir, compiledDir]) await rm(dir, { recursive: true, force: true });
    judge(record, await isWhole(project));
  };
}

/** Prints what the databases recorded. Throws, which fails the run, where the app did what it must not. */
function judge({ servers, app, host, tests, joined, violations }: DatabaseRecord, whole: boolean): void {
  console.log(
    `database record: ${app} requests, ${violations.length} violations ` +
      `(${joined} joined with the app's log; apart from that ${tests} of tests, ${host} of the host; ${servers} databases)`,
  );
  if (violations.length > 0) throw new Error(["violations at the database:", ...violations.slice(0, 20)].join("\n"));
  if (whole && app < leastOfAll) throw new Error(`fewer than ${leastOfAll} requests: the record is not of all tests`);
}

async function isWhole(project: TestProject): Promise<boolean> {
  const { testFiles } = await project.globTestFiles();
  const ran = project.vitest.state.getFiles().length;
  return ran >= testFiles.length && project.config.testNamePattern === undefined;
}
