import { spawn } from "node:child_process";
import { globSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { build } from "../../scripts/build.ts";
import { trust } from "../certificates.ts";
import type { StackAddresses } from "../client.ts";
import type { SeededTenant } from "../seed.ts";
import { LocalError } from "../service.ts";
import { textOf } from "../stateFile.ts";

/** What `stack.json` says, as far as the demo needs it. */
interface Description extends StackAddresses {
  readonly caFile: string;
  readonly webhookReceiverUrl: string;
  readonly tenants: readonly SeededTenant[];
}

export interface FoundStack<D> extends AsyncDisposable {
  readonly description: D;
  /** Folder of its state. */
  readonly dataDir: string;
  /** Whether it was there before and stays. */
  readonly stays: boolean;
}

export interface DemoStack extends Description, Omit<FoundStack<Description>, "description"> {}

const project = resolve(import.meta.dirname, "..", "..");

/**
 * The stack that runs on the data folder; where none does, one that lives as long as this one is used. Throws
 * {@link LocalError} where something else answers in its place, or nothing within three seconds.
 */
export async function runningStack(dataDir: string, onBoot: () => void): Promise<DemoStack> {
  const { description, ...stack } =
    (await findStack<Description>(dataDir)) ?? (onBoot(), await bootStack<Description>(dataDir));
  return { ...description, ...stack };
}

/** The stack that runs on the data folder, or undefined. Throws {@link LocalError} as {@link runningStack} does. */
export async function findStack<D extends { caFile: string } & StackAddresses>(
  dataDir: string,
): Promise<FoundStack<D> | undefined> {
  const description = await described<D>(dataDir);
  if (description === undefined || !(await isRunning(description))) return undefined;
  trust(await readFile(description.caFile, "utf8"));
  return { description, dataDir, stays: true, [Symbol.asyncDispose]: () => Promise.resolve() };
}

async function described<D>(dataDir: string): Promise<D | undefined> {
  try {
    return JSON.parse((await textOf(join(dataDir, "stack.json"))) ?? "") as D;
  } catch {
    // None, or cut off while it was written: the next start writes it anew.
    return undefined;
  }
}

async function isRunning({ apiUrl }: StackAddresses): Promise<boolean> {
  try {
    const { status } = await fetch(`${apiUrl}/health`, { signal: AbortSignal.timeout(3_000) });
    if (status === 200) return true;
    throw new LocalError(`${apiUrl}/health answers ${status}: stop what runs there, then run npm start.`);
  } catch (error) {
    if (error instanceof LocalError) throw error;
    if (isRefusedConnection(error)) return false;
    throw new LocalError(`${apiUrl} does not answer: stop what runs there, then run npm start.`, { cause: error });
  }
}

/** Nobody listens: Node tries every address of localhost and reports one error for all of them. */
function isRefusedConnection(error: unknown): boolean {
  return error instanceof TypeError && (error.cause as NodeJS.ErrnoException | undefined)?.code === "ECONNREFUSED";
}

/** Builds the app where needed and starts `npm start`'s own program. Ends it when it is disposed of. */
export async function bootStack<D extends { caFile: string }>(
  dataDir: string,
  { port, args = [] }: { readonly port?: number; readonly args?: readonly string[] } = {},
): Promise<FoundStack<D>> {
  // Not without need: another stack may be running what is built, and load parts of it later.
  if (!isBuilt()) await build();
  const child = spawn(process.execPath, ["local/start.ts", "--data", dataDir, ...args], {
    cwd: project,
    env: { ...process.env, ...(port !== undefined && { PORT: String(port) }) },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const ended = new Promise<"ended">((resolve) =>
    child.once("close", () => {
      resolve("ended");
    }),
  );
  const ready = new Promise<"ready">((resolve) =>
    child.once("message", () => {
      resolve("ready");
    }),
  );
  if ((await Promise.race([ready, ended])) === "ended") throw new LocalError(reason(said));
  const stop = async () => {
    child.kill("SIGINT");
    await ended;
  };
  try {
    const description = JSON.parse(await readFile(join(dataDir, "stack.json"), "utf8")) as D;
    trust(await readFile(description.caFile, "utf8"));
    return { description, dataDir, stays: false, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Whether the app was built after its sources changed last; a folder changes with what is added or deleted in it. */
function isBuilt(): boolean {
  const built = statSync(join(project, "dist"), { throwIfNoEntry: false });
  if (built === undefined) return false;
  const sources = globSync(["functions", "shared", "functions/**", "shared/**", "package-lock.json"], { cwd: project });
  return sources.every((source) => statSync(join(project, source)).mtimeMs < built.mtimeMs);
}

/** What the program says in one sentence where it can; else the whole of it. */
function reason(said: string): string {
  const sentence = /^callpilot: (.+)$/mu.exec(said)?.[1];
  return sentence ?? `The stack did not start; try npm start. It said:\n${said.trim()}`;
}
