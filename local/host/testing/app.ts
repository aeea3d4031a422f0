import { type ChildProcess, fork } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { build } from "../../../scripts/build.ts";
import { LocalError } from "../../service.ts";
import type { FunctionInfo } from "../host.ts";
import type { LogLine } from "../log.ts";
import type { FromParent } from "./childHost.ts";

/** A function app made for one test, built and run by the host in a process of its own. */
export interface TestApp {
  readonly url: string;
  /** Of its process. */
  readonly pid: number;
  readonly functions: readonly FunctionInfo[];
  /** Everything logged so far. */
  readonly lines: readonly LogLine[];
  /** What the process wrote past the log: has to stay empty. */
  readonly noise: () => string;
  send(message: FromParent): void;
  /** The first logged line with this text, waited for at most 10 s. */
  logged(text: string, times?: number): Promise<LogLine>;
  stop(): Promise<void>;
  kill(): Promise<void>;
}

export interface AppSources {
  /** By name, as `functions/app/<name>.ts`; `app` is imported for them. */
  readonly functions: Readonly<Record<string, string>>;
  readonly hostJson?: object;
}

const projectRoot = join(import.meta.dirname, "../../..");

/** Writes and builds an app into a temporary folder; `remove` deletes it. */
export async function buildApp({
  functions,
  hostJson = {},
}: AppSources): Promise<{ dir: string; remove: () => Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), "host-test-"));
  await mkdir(join(dir, "functions/app"), { recursive: true });
  await symlink(join(projectRoot, "node_modules"), join(dir, "node_modules"), "dir");
  await writeFile(join(dir, "package.json"), JSON.stringify({ type: "module", main: "dist/functions/**/*.js" }));
  await writeFile(join(dir, "host.json"), JSON.stringify({ version: "2.0", ...hostJson }));
  for (const [name, source] of Object.entries(functions))
    await writeFile(join(dir, `functions/app/${name}.ts`), `import { app } from "@azure/functions";\n${source}`);
  await build({ root: dir });
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) };
}

/** Runs a built app, with options for Node if given. Throws {@link LocalError} when the host refuses it. */
export async function runApp(
  options: Extract<FromParent, { start: unknown }>["start"],
  env: Readonly<Record<string, string>> = {},
  execArgv: readonly string[] = [],
): Promise<TestApp> {
  const child = fork(join(import.meta.dirname, "childHost.ts"), {
    execArgv: [...execArgv],
    // Little of the test runner's own environment, which colours output and sets NODE_OPTIONS.
    env: { PATH: process.env["PATH"], NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"], ...env },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const lines: LogLine[] = [];
  let noise = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (text: Buffer) => {
      noise += text.toString();
    });
  const send = (message: FromParent) => {
    // An event that comes while the app is down is lost, as it is for the real host.
    if (child.connected) child.send(message);
  };
  send({ start: options });
  const started = await new Promise<{ url: string; functions: readonly FunctionInfo[] }>((resolve, reject) => {
    child.on("exit", () => {
      reject(new Error(`the host process ended: ${noise}`));
    });
    child.on("message", (message: FromChild) => {
      if ("line" in message) lines.push(message.line);
      else if ("started" in message) resolve(message.started);
      else {
        child.kill();
        reject(
          message.failed.name === "LocalError"
            ? new LocalError(message.failed.message)
            : new Error(message.failed.message),
        );
      }
    });
  });
  return {
    ...started,
    pid: child.pid ?? 0,
    lines,
    noise: () => noise,
    send,
    logged: async (text, times = 1) => {
      const deadline = Date.now() + 10_000;
      for (;;) {
        const found = lines.filter(({ message }) => message.includes(text))[times - 1];
        if (found !== undefined) return found;
        if (Date.now() > deadline) throw new Error(`"${text}" was not logged: ${JSON.stringify(lines)}`);
        await delay(5);
      }
    },
    stop: () =>
      ended(child, () => {
        send({ stop: true });
      }),
    kill: () => ended(child, () => child.kill("SIGKILL")),
  };
}

type FromChild =
  | { readonly line: LogLine }
  | { readonly started: { readonly url: string; readonly functions: readonly FunctionInfo[] } }
  | { readonly failed: { readonly name: string; readonly message: string } };

async function ended(child: ChildProcess, end: () => void): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once("exit", resolve));
  end();
  await exit;
}
