import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

/** What one run of a tool may use. */
export interface ProcessLimits {
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  /** Address space, of which memory in use is a part. */
  readonly memoryBytes: number;
  /** Size of any file that it writes. */
  readonly fileBytes: number;
  readonly openFiles: number;
}

export interface RunOptions {
  /** Own folder of this run; relative paths in its arguments start here. */
  readonly cwd: string;
  readonly limits: ProcessLimits;
  readonly signal?: AbortSignal | undefined;
  /** Takes the output line by line, which is then not kept. What it throws ends the run and is thrown on. */
  readonly onLine?: (line: string) => void;
}

/**
 * A tool ended without success.
 * `refused`: it could not make sense of its input, or crashed on it. `resources`: this machine or the run's limits did not
 * suffice (memory, disk, CPU seconds). `timeout`: the wall clock ran out. Only `refused` says something about the input.
 */
export class ToolFailure extends Error {
  override readonly name = "ToolFailure";
  readonly reason: "refused" | "resources" | "timeout";
  /** The beginning and the end of what the tool wrote to its error stream. */
  readonly stderr: string;

  constructor(reason: ToolFailure["reason"], tool: string, how: string, stderr: string) {
    super(`${tool} ${how}${stderr === "" ? "" : `: ${stderr}`}`);
    this.reason = reason;
    this.stderr = stderr;
  }
}

/**
 * Limits are set by the shell that becomes the tool: POSIX `ulimit` is everywhere, `prlimit` is not. The soft CPU limit
 * comes first, so that the tool can end by itself. macOS knows no limit on address space.
 */
const limited = [
  'ulimit -c 0 && ulimit -S -t "$1" && ulimit -H -t "$2" && ulimit -f "$4" && ulimit -n "$5"',
  '{ ulimit -v "$3" || [ "$(uname)" = Darwin ]; }',
  'shift 5 && exec "$@"',
].join(" && ");

const maxOutput = 4 * 1024 * 1024;

/**
 * Runs a tool as a process group of its own with limits, an empty environment and no input, and returns what it wrote.
 * Throws {@link ToolFailure}, or the signal's reason when aborted; the whole group is dead by then.
 */
export async function run(tool: string, args: readonly string[], options: RunOptions): Promise<string> {
  const { limits, signal } = options;
  signal?.throwIfAborted();
  const child = spawn(
    "/bin/sh",
    [
      ...["-c", limited, "sh"],
      ...[limits.cpuSeconds, limits.cpuSeconds + 5, kibibytes(limits.memoryBytes)].map(
        (value) => `${Math.ceil(value)}`,
      ),
      ...[`${Math.ceil(limits.fileBytes / 512)}`, `${limits.openFiles}`],
      ...[tool, ...args],
    ],
    { cwd: options.cwd, env: {}, detached: true, stdio: ["ignore", "pipe", "pipe"] },
  );
  const name = tool.split("/").at(-1) ?? tool;
  let stopped: { why: unknown } | undefined;
  const stop = (why: unknown) => {
    stopped ??= { why };
    killGroup(child.pid);
  };
  const onAbort = () => {
    stop(signal?.reason);
  };
  signal?.addEventListener("abort", onAbort, { once: true });
  const clock = setTimeout(() => {
    stop(new ToolFailure("timeout", name, `was still running after ${limits.wallSeconds} s`, ""));
  }, limits.wallSeconds * 1000);
  try {
    const ended = new Promise<{ code: number | null; killedBy: NodeJS.Signals | null }>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, killedBy) => {
        resolve({ code, killedBy });
      });
    });
    const [{ code, killedBy }, stdout, stderr] = await Promise.all([
      ended,
      takeOutput(child.stdout, options.onLine, stop),
      takeErrors(child.stderr),
    ]);
    if (stopped !== undefined) throw stopped.why;
    if (code === 0) return stdout;
    throw failure(name, code, killedBy, stderr);
  } catch (error) {
    if (child.exitCode === null && child.signalCode === null) killGroup(child.pid);
    throw error;
  } finally {
    clearTimeout(clock);
    signal?.removeEventListener("abort", onAbort);
  }
}

/** A negative id addresses the group; it is gone already when the tool ended by itself. */
function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function failure(name: string, code: number | null, killedBy: NodeJS.Signals | null, stderr: string): ToolFailure {
  if (killedBy !== null) {
    const crashed = (["SIGSEGV", "SIGABRT", "SIGFPE", "SIGILL", "SIGBUS"] as NodeJS.Signals[]).includes(killedBy);
    return new ToolFailure(crashed ? "refused" : "resources", name, `was ended by ${killedBy}`, stderr);
  }
  // ffmpeg answers a signal that it caught, such as SIGXCPU, with 255. The shell answers 2 or 126 when it cannot set a limit
  // or start the tool; ffmpeg and ffprobe themselves fail with 1 or an errno's low byte.
  const ours = code === 255 || code === 126 || code === 127 || outOfResources.test(stderr);
  return new ToolFailure(ours ? "resources" : "refused", name, `ended with exit code ${code ?? "none"}`, stderr);
}

const outOfResources =
  /No space left on device|Cannot allocate memory|Resource temporarily unavailable|File too large|Too many open files|Disk quota exceeded|Read-only file system|Permission denied|malloc of size|ulimit:/u;

async function takeOutput(
  stream: Readable,
  onLine: ((line: string) => void) | undefined,
  stop: (why: unknown) => void,
): Promise<string> {
  if (onLine === undefined) {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxOutput) stop(new ToolFailure("refused", "the tool", `wrote more than ${maxOutput} bytes`, ""));
      else chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString("utf8");
  }
  for await (const line of createInterface({ input: stream })) {
    try {
      onLine(line);
    } catch (error) {
      stop(error);
    }
  }
  return "";
}

const kept = 2048;

/** The first and the last lines matter; a hostile file can make a decoder complain for gigabytes. */
async function takeErrors(stream: Readable): Promise<string> {
  let head = "";
  let tail = "";
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const text = chunk.toString("latin1");
    const room = kept - head.length;
    head += text.slice(0, room);
    tail = (tail + text.slice(room)).slice(-kept);
  }
  return (tail.length < kept ? head + tail : `${head} … ${tail}`).trim();
}

function kibibytes(bytes: number): number {
  return bytes / 1024;
}

/** Reads ffmpeg's `-progress` output and reports the fraction done of `durationMs`: monotone, 0..1. */
export function progressOf(durationMs: number, report: (fraction: number) => void): (line: string) => void {
  let reported = 0;
  return (line) => {
    const [key, value] = line.split("=");
    if (key !== "out_time_us") return;
    const fraction = Math.min(1, Number(value) / 1000 / durationMs);
    if (fraction > reported) report((reported = fraction));
  };
}
