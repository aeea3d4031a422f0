import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

export interface BuildInfo {
  readonly version: string;
  /** Full hash. */
  readonly commit: string;
  /** Of the commit: nothing in the package tells when it was made. */
  readonly time: string;
  /** Only where files differed from the commit. */
  readonly dirty?: true;
}

const root = join(import.meta.dirname, "..");

/** Commit and version of this checkout. Throws where git knows none. */
export async function buildInfo(): Promise<BuildInfo> {
  const git = async (...args: string[]) => (await promisify(execFile)("git", args, { cwd: root })).stdout.trim();
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
  const [commit, seconds] = [await git("rev-parse", "HEAD"), await git("log", "-1", "--format=%ct")];
  const time = new Date(Number(seconds) * 1000).toISOString();
  return { version, commit, time, ...((await git("status", "--porcelain")) !== "" && { dirty: true }) };
}
