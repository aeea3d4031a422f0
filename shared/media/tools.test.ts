import { execFile } from "node:child_process";
import { access, chmod, mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findTools, MissingTool, type Tools } from "./tools.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "callpilot-package-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function versionsOf({ ffmpeg, ffprobe }: Tools): Promise<readonly string[]> {
  const outputs = await Promise.all([ffmpeg, ffprobe].map((tool) => promisify(execFile)(tool, ["-version"])));
  return outputs.map(({ stdout }) => stdout.split("\n", 1)[0] ?? "");
}

async function packageWith(mode: number): Promise<string> {
  const packageFolder = join(folder, `mode-${mode.toString(8)}`);
  await mkdir(join(packageFolder, "bin"), { recursive: true });
  for (const name of ["ffmpeg", "ffprobe"]) {
    const path = join(packageFolder, "bin", name);
    await writeFile(path, `#!/bin/sh\necho "${name} version of ${folder}"\n`);
    await chmod(path, mode);
  }
  return packageFolder;
}

test("the search path is the last resort, and what is found there runs", async () => {
  const found = await findTools({ packageFolder: folder });
  expect(found.ffmpeg).toMatch(/\/ffmpeg$/u);
  const [ffmpeg, ffprobe] = await versionsOf(found);
  expect(ffmpeg).toMatch(/^ffmpeg version \d/u);
  expect(ffprobe).toMatch(/^ffprobe version \d/u);
});

test("the package's own tools come before the search path", async () => {
  const packageFolder = await packageWith(0o755);
  expect(await findTools({ packageFolder })).toEqual({
    ffmpeg: join(packageFolder, "bin", "ffmpeg"),
    ffprobe: join(packageFolder, "bin", "ffprobe"),
  });
});

test("a package without the executable bit, as run-from-package mounts it, runs from one private copy", async () => {
  const packageFolder = await packageWith(0o644);
  const found = await findTools({ packageFolder });
  expect(found.ffmpeg).not.toContain(packageFolder);
  expect(await versionsOf(found)).toEqual([`ffmpeg version of ${folder}`, `ffprobe version of ${folder}`]);
  expect(await findTools({ packageFolder })).toEqual(found);
  await Promise.all([rm(found.ffmpeg), rm(found.ffprobe)]);
});

test("what a process left that was killed while it copied is removed by a later one, unless it may be at it still", async () => {
  const packageFolder = await packageWith(0o644);
  const { ffmpeg } = await findTools({ packageFolder });
  const [dead, busy] = [`${ffmpeg}.${crypto.randomUUID()}`, `${ffmpeg}.${crypto.randomUUID()}`];
  await Promise.all([writeFile(dead, "half a tool"), writeFile(busy, "half a tool")]);
  const hourAgo = new Date(Date.now() - 3_600_000);
  await utimes(dead, hourAgo, hourAgo);
  await rm(ffmpeg);
  const found = await findTools({ packageFolder });
  await expect(access(dead)).rejects.toMatchObject({ code: "ENOENT" });
  await Promise.all([busy, found.ffmpeg, found.ffprobe].map((path) => rm(path)));
});

test("a configured path comes first, and a wrong one is named instead of passed over", async () => {
  const packageFolder = await packageWith(0o755);
  const ffmpegPath = join(packageFolder, "bin", "ffmpeg");
  expect((await findTools({ ffmpegPath, packageFolder: folder })).ffmpeg).toBe(ffmpegPath);
  const wrong = findTools({ ffmpegPath: join(folder, "nowhere") });
  await expect(wrong).rejects.toThrow(/^FFMPEG_PATH names .*nowhere, which is not a program/u);
});

test("a missing tool is one sentence with the command that installs it", async () => {
  const missing = findTools({ packageFolder: folder, searchPath: folder });
  await expect(missing).rejects.toBeInstanceOf(MissingTool);
  if (process.platform === "linux")
    await expect(missing).rejects.toThrow(
      "ffmpeg is not installed: run `sudo apt-get update && sudo apt-get install -y ffmpeg` (Debian, Ubuntu), then try again.",
    );
});
