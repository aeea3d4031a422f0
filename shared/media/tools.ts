import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, chmod, constants, copyFile, lstat, mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { config } from "../config.ts";
import { lazyResult } from "../lazy.ts";

/** Paths of the two programs, ready to be run. */
export interface Tools {
  readonly ffmpeg: string;
  readonly ffprobe: string;
}

/** ffmpeg or ffprobe is nowhere to be found. The message is one sentence that says how to get it. */
export class MissingTool extends Error {
  override readonly name = "MissingTool";
}

/** The tools of this process, looked up once. Throws {@link MissingTool}; a later call looks again. */
export const tools = lazyResult(async () => findTools(config().ffmpeg));

export interface ToolPlaces {
  readonly ffmpegPath?: string;
  readonly ffprobePath?: string;
  /** Root of the deployment package; its `bin/` may hold the tools. */
  readonly packageFolder?: string;
  /** Search path that stands in for this process's own. */
  readonly searchPath?: string;
}

/** Where each tool is: the configured path, else `bin/` of the package, else the search path. */
export async function findTools(places: ToolPlaces = {}): Promise<Tools> {
  const ffmpeg = await findTool("ffmpeg", places.ffmpegPath, places);
  return { ffmpeg, ffprobe: await findTool("ffprobe", places.ffprobePath, places) };
}

async function findTool(name: keyof Tools, configured: string | undefined, places: ToolPlaces): Promise<string> {
  if (configured !== undefined) {
    if (await executable(configured)) return configured;
    throw new MissingTool(
      `${name.toUpperCase()}_PATH names ${configured}, which is not a program that this process may run: correct or remove the setting.`,
    );
  }
  const packaged = join(places.packageFolder ?? (await packageFolder()), "bin", name);
  if (await executable(packaged)) return packaged;
  if (await exists(packaged)) return runnableCopy(packaged, name);
  const onPath = await lookUp(name, places.searchPath);
  if (onPath !== undefined) return onPath;
  throw new MissingTool(`${name} is not installed: ${howToInstall[process.platform] ?? howToInstall.linux}`);
}

const howToInstall: Partial<Record<NodeJS.Platform, string>> & { linux: string } = {
  linux: "run `sudo apt-get update && sudo apt-get install -y ffmpeg` (Debian, Ubuntu), then try again.",
  darwin: "run `brew install ffmpeg`, then try again.",
};

/** The nearest folder above this module that holds a package.json: the same in the sources and in a bundle. */
async function packageFolder(): Promise<string> {
  for (let folder = import.meta.dirname; ; folder = dirname(folder))
    if ((await exists(join(folder, "package.json"))) || folder === dirname(folder)) return folder;
}

/**
 * Run-from-package mounts the package read-only and loses the executable bit, so the tool runs from a copy. The copy is
 * named by its content and lies in a folder that only this user can write.
 */
async function runnableCopy(packaged: string, name: string): Promise<string> {
  const { uid, username } = userInfo();
  const folder = join(tmpdir(), `callpilot-tools-${username}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const owner = await lstat(folder);
  if (!owner.isDirectory() || owner.uid !== uid || (owner.mode & 0o022) !== 0)
    throw new Error(`${folder} belongs to someone else: programs are not run from there.`);
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(packaged)) hash.update(chunk as Buffer);
  const copy = join(folder, `${name}-${hash.digest("hex").slice(0, 32)}`);
  if (await executable(copy)) return copy;
  await removeDrafts(folder);
  const draft = `${copy}.${crypto.randomUUID()}`;
  await copyFile(packaged, draft);
  await chmod(draft, 0o500);
  await rename(draft, copy);
  return copy;
}

/** Time that copying a tool takes, amply. */
const copyMs = 10 * 60_000;

/** Removes what processes left that were killed while they copied. */
async function removeDrafts(folder: string): Promise<void> {
  for (const name of (await readdir(folder)).filter((found) => found.includes("."))) {
    const path = join(folder, name);
    const begun = await stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => Infinity,
    );
    if (Date.now() - begun > copyMs) await rm(path, { force: true });
  }
}

async function lookUp(name: string, searchPath: string | undefined): Promise<string | undefined> {
  const options = searchPath === undefined ? {} : { env: { PATH: searchPath } };
  try {
    const { stdout } = await promisify(execFile)("/bin/sh", ["-c", `command -v ${name}`], options);
    return stdout.trim();
  } catch {
    return undefined;
  }
}

function executable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
