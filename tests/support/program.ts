import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

/** What a program of the project's ended with, and what it said. */
export interface Ended {
  readonly code: unknown;
  readonly output: string;
}

/** Runs one, by its path within the project, in a process of its own. */
export async function runProgram(program: string, args: readonly string[]): Promise<Ended> {
  const path = join(import.meta.dirname, "../..", program);
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [path, ...args]);
    return { code: 0, output: stdout };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: unknown; stdout: string; stderr: string };
    return { code, output: stdout + stderr };
  }
}
