import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { build } from "../../scripts/build.ts";
import type { StackAddresses } from "../../local/client.ts";

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

/** Starts `npm start`'s own program as a process of its own and waits until it is ready. */
export async function startStackProcess(options: {
  readonly dataDir: string;
  readonly port?: number;
  readonly args?: readonly string[];
}): Promise<RunningStack> {
  const { dataDir, port = 0, args = [] } = options;
  const child = spawn(process.execPath, ["local/start.ts", "--data", dataDir, ...args], {
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

/** Vitest's global set-up: one stack for the whole suite. Every test file makes tenants of its own. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await build({});
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
    await rm(dataDir, { recursive: true, force: true });
  };
}
