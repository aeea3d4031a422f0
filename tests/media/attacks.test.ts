import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { attacks } from "../support/attacks/attacks.ts";
import { clip, clipNamed } from "../../scripts/clips.ts";
import { findTools } from "../../shared/media/tools.ts";
import { Preparations, identifyFile } from "../support/preparations.ts";
import { Tripwires, fileSecret } from "../support/tripwires.ts";

let tripwires: Tripwires;
let preparations: Preparations;
const pathOf = (name: string) => join(tripwires.folder, name);

beforeAll(async () => {
  tripwires = await Tripwires.lay();
  preparations = await Preparations.start();
  for (const [name, { make }] of Object.entries(attacks))
    await writeFile(pathOf(name), await make(tripwires.targets, clipNamed));
});
afterAll(async () => {
  await preparations[Symbol.asyncDispose]();
  await tripwires[Symbol.asyncDispose]();
});

const all = Object.entries(attacks);

describe("a hostile file is refused with the code that says why, and opens nothing", () => {
  test.for(all.filter(([, { code }]) => code !== undefined))("%s", async ([name, { code }]) => {
    await expect(preparations.prepare(pathOf(name))).rejects.toMatchObject({ name: "Rejection", code });
    expect(await tripwires.tripped()).toEqual([]);
  });
});

describe("a film in which something is hidden is made playable without it, and opens nothing", () => {
  test.for(all.filter(([, { code }]) => code === undefined))("%s", async ([name]) => {
    const { video, poster, storyboard } = await preparations.prepare(pathOf(name));
    expect(await tripwires.tripped()).toEqual([]);
    for (const { path } of [video, poster, storyboard]) {
      const content = (await readFile(path)).toString("latin1");
      const { url, file } = tripwires.targets;
      for (const trace of [url, basename(file), fileSecret]) expect(content).not.toContain(trace);
    }
  });
});

describe("past identification, which would not let it pass, it opens nothing either", () => {
  test.for(all.filter(([, { opens }]) => opens !== undefined))("%s", async ([name]) => {
    const honest = await identifyFile(await clip("h264-silent.mp4"));
    for (const family of ["mov", "matroska"] as const)
      await expect(preparations.prepare(pathOf(name), { ...honest, family })).rejects.toMatchObject({
        name: "Rejection",
      });
    expect(await tripwires.tripped()).toEqual([]);
  });
});

describe("a program that takes files as they come opens what the same file names", () => {
  test.for(all.filter(([, { opens }]) => opens !== undefined))("%s", async ([name, { opens }]) => {
    const { ffprobe } = await findTools();
    const args = ["-v", "quiet", ...(opens?.by ?? []), pathOf(name)];
    await promisify(execFile)(ffprobe, args, { timeout: 20_000 }).catch(() => undefined);
    expect(await tripwires.tripped()).toContain(opens?.target);
  });
});
