import { spawn } from "node:child_process";
import { constants } from "node:os";
import type { Readable } from "node:stream";
import { confinement } from "./confinement.ts";

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
 * Limits are set by the shell that runs the tool: POSIX `ulimit` is everywhere, `prlimit` is not. The soft CPU limit
 * comes first, so that the tool can end by itself. macOS knows no limit on address space.
 */
const limited = [
  'ulimit -c 0 && ulimit -S -t "$1" && ulimit -H -t "$2" && ulimit -f "$4" && ulimit -n "$5"',
  '{ ulimit -v "$3" || [ "$(uname)" = Darwin ]; }',
].join(" && ");

/**
 * The shell's input is a pipe that nothing is ever written to: its end says that this process is no more, even by
 * SIGKILL, and then a watcher ends the group.
 */
const attended = [
  `${limited} || exit`,
  "shift 5; exec 3<&0 </dev/null",
  "{ read -r _ <&3; kill -KILL 0; } >/dev/null 2>&1 & watcher=$!",
  // Not `exec`: the first process of a namespace is one to which no signal means anything, so that is the shell.
  'exec 3<&-; "$@"; code=$?',
  "exec 2>/dev/null; kill -KILL $watcher; wait $watcher; exit $code",
].join("\n");

const maxOutput = 4 * 1024 * 1024;
/** Of one line, in characters. */
const maxLine = 64 * 1024;

/**
 * Runs a tool as a process group of its own with limits, an empty environment and no input, confined as far as the machine
 * allows, and returns what it wrote. Throws {@link ToolFailure}, or the signal's reason when aborted. However it ends, the
 * whole group is dead by then; it also dies with this process.
 */
export async function run(tool: string, args: readonly string[], options: RunOptions): Promise<string> {
  const { limits, signal } = options;
  const { command } = await confinement();
  signal?.throwIfAborted();
  const [program, ...before] = command;
  const child = spawn(
    program,
    [
      ...[...before, "/bin/sh", "-c", attended, "sh"],
      ...[limits.cpuSeconds, limits.cpuSeconds + 5, kibibytes(limits.memoryBytes)].map(
        (value) => `${Math.ceil(value)}`,
      ),
      ...[`${Math.ceil(limits.fileBytes / 512)}`, `${limits.openFiles}`],
      ...[tool, ...args],
    ],
    { cwd: options.cwd, env: {}, detached: true, stdio: ["pipe", "pipe", "pipe"] },
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
      // What the tool left running may hold its output open.
      child.once("exit", () => {
        killGroup(child.pid);
      });
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
  const signal = killedBy ?? signalOf(code);
  if (signal !== undefined)
    return new ToolFailure(crashes.includes(signal) ? "refused" : "resources", name, `was ended by ${signal}`, stderr);
  // ffmpeg answers a signal that it caught, such as SIGXCPU, with 255. The shell answers 2 or 126 when it cannot set a limit
  // or start the tool; ffmpeg and ffprobe themselves fail with 1 or an errno's low byte.
  const ours = code === 255 || code === 126 || code === 127 || outOfResources.test(stderr);
  return new ToolFailure(ours ? "resources" : "refused", name, `ended with exit code ${code ?? "none"}`, stderr);
}

const crashes: readonly NodeJS.Signals[] = ["SIGSEGV", "SIGABRT", "SIGFPE", "SIGILL", "SIGBUS"];
const deadly: readonly NodeJS.Signals[] = [...crashes, "SIGKILL", "SIGXCPU", "SIGXFSZ", "SIGTERM", "SIGPIPE"];

/** The shell tells of a signal that ended the tool by 128 and the signal's number. */
function signalOf(code: number | null): NodeJS.Signals | undefined {
  return deadly.find((signal) => constants.signals[signal] + 128 === code);
}

/** Also when the file is gone that it was to read: somebody removed our folder, which is no fault of the recording. */
const outOfResources =
  /No such file or directory|No space left on device|Cannot allocate memory|Resource temporarily unavailable|File too large|Too many open files|Disk quota exceeded|Read-only file system|Permission denied|malloc of size|ulimit:/u;

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
  await eachLine(stream, onLine, stop);
  return "";
}

async function eachLine(stream: Readable, onLine: (line: string) => void, stop: (why: unknown) => void): Promise<void> {
  let begun = "";
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const lines = (begun + chunk.toString("latin1")).split("\n");
    begun = lines.pop() ?? "";
    try {
      lines.forEach(onLine);
      if (begun.length > maxLine) throw new ToolFailure("refused", "the tool", `wrote a line beyond ${maxLine}`, "");
    } catch (error) {
      stop(error);
      begun = "";
    }
  }
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
