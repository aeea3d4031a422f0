import { createWriteStream } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { MissingTool } from "../shared/media/tools.ts";
import { provideTools } from "./ffmpeg.ts";
import type { LogSink } from "./host/log.ts";
import { UsageError, commandOptions } from "./options.ts";
import { type SeededTenant, seed } from "./seed.ts";
import { LocalError } from "./service.ts";
import { type Stack, startStack } from "./stack.ts";
import { readyTable } from "./table.ts";

try {
  await main();
} catch (error) {
  if (!(error instanceof LocalError) && !(error instanceof MissingTool)) throw error;
  console.error(`callpilot: ${error.message}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}

async function main(): Promise<void> {
  const started = performance.now();
  const options = startOptions();
  const settings = Object.fromEntries(options.settings.map(setting));
  const dataDir = resolve(options.data);
  const stackFile = join(dataDir, "stack.json");
  const port = portNumber(process.env["PORT"] ?? "7071");
  await mkdir(dataDir, { recursive: true });
  await provideTools();
  const logFile = join(dataDir, "functions.log");
  const stack = await startStack({
    port,
    dataDir,
    fresh: options.fresh,
    appDir: resolve("."),
    log: fileLog(logFile),
    settings,
  });
  onStop(stack);
  // Only now: where another one runs on this folder, the file is of that one.
  await rm(stackFile, { force: true });
  const booted = performance.now() - started;
  const tenants = options.seed ? await seeded(stack, dataDir, options.fresh) : [];
  await writeFile(stackFile, JSON.stringify(described(stack, tenants), null, 2));
  console.log(readyTable(stack, tenants, { dataDir, logFile, bootMilliseconds: booted }));
  process.send?.("ready");
}

function startOptions() {
  return commandOptions(
    {
      options: {
        fresh: { type: "boolean", default: false },
        seed: { type: "boolean", default: true },
        data: { type: "string", default: ".local" },
        settings: { type: "string", multiple: true, default: [] },
      },
      allowNegative: true,
    },
    "npm start takes --fresh, --no-seed, --data FOLDER and --settings NAME=value.",
  );
}

async function seeded(stack: Stack, dataDir: string, fresh: boolean): Promise<readonly SeededTenant[]> {
  try {
    return await seed(stack, dataDir, fresh);
  } catch (error) {
    await stack[Symbol.asyncDispose]();
    throw error;
  }
}

/** What `stack.json` says: where everything is, and who can sign in. */
function described({ operatorEmail, ...addresses }: Stack, tenants: readonly SeededTenant[]) {
  return { ...addresses, operator: { email: operatorEmail }, tenants };
}

function portNumber(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_526) return port;
  throw new LocalError(`PORT=${text} is not a port: give a number from 0 (free ports) to 65526.`);
}

function setting(text: string): [string, string] {
  const at = text.indexOf("=");
  if (at < 1) throw new UsageError(`--settings ${text} is not NAME=value.`);
  return [text.slice(0, at), text.slice(at + 1)];
}

/** Keeps the app's log lines in a file, so that the terminal stays readable. */
function fileLog(file: string): LogSink {
  const stream = createWriteStream(file, { flags: "a" });
  return (line) => {
    stream.write(`${JSON.stringify(line)}\n`);
  };
}

function onStop(stack: Stack): void {
  let stopping = false;
  const end = (): void => {
    if (stopping) process.exit(130);
    stopping = true;
    void stack[Symbol.asyncDispose]().then(() => process.exit(0));
  };
  process.on("SIGINT", end);
  process.on("SIGTERM", end);
  // A parent that started this process and died leaves nothing running behind.
  if (process.send !== undefined) process.on("disconnect", end);
}
