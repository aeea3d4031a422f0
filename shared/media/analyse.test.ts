import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { clip, type ClipName } from "../../scripts/clips.ts";
import { type AnalyseInput, type Stretches, analyse, waveformParts } from "./analyse.ts";
import { type Tools, findTools } from "./tools.ts";

let root: string;
let tools: Tools;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "callpilot-analyse-"));
  tools = await findTools();
});
afterAll(() => rm(root, { recursive: true }));

async function analyseClip(name: ClipName, durationMs: number, more: Partial<AnalyseInput> = {}) {
  const workDir = await mkdtemp(join(root, "work-"));
  const analysis = await analyse({
    path: await clip(name),
    durationMs,
    ownKeyPictures: false,
    workDir,
    tools,
    ...more,
  });
  expect(await readdir(workDir)).toEqual([]);
  return analysis;
}

/** Pictures are looked at five times a second, sound is cut into frames. */
function expectStretches(found: Stretches, expected: readonly (readonly [number, number])[]): void {
  expect(found.longest).toHaveLength(expected.length);
  for (const [at, [startMs, endMs]] of expected.entries()) {
    expect(Math.abs((found.longest[at]?.startMs ?? Infinity) - startMs)).toBeLessThanOrEqual(250);
    expect(Math.abs((found.longest[at]?.endMs ?? Infinity) - endMs)).toBeLessThanOrEqual(250);
  }
  const total = found.longest.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0);
  expect(found.totalMs).toBe(total);
}

describe("the analysis of a video", () => {
  it("finds where it is black, silent and still", async () => {
    const { black, silent, frozen } = await analyseClip("dark-and-still.mp4", 10_000);
    expectStretches(black, [[0, 3000]]);
    expectStretches(silent, [[4000, 10_000]]);
    expectStretches(frozen, [
      [0, 3000],
      [6000, 10_000],
    ]);
  });

  it("draws its sound and measures how loud it is", async () => {
    const { loudness, waveform } = await analyseClip("dark-and-still.mp4", 10_000);
    const peaks = [...Buffer.from(waveform, "base64")];
    expect(peaks).toHaveLength(waveformParts);
    // lavfi's sine has an eighth of full scale.
    for (const peak of peaks.slice(10, 310)) expect(peak).toBeGreaterThan(8);
    for (const peak of peaks) expect(peak).toBeLessThan(20);
    for (const peak of peaks.slice(330)) expect(peak).toBe(0);
    // A 440 Hz sine of -18 dB peak is at -21.8 LUFS on one channel (EBU Tech 3341 allows 0.1; the codec adds some).
    expect(loudness?.integratedLufs).toBeCloseTo(-21.8, 0);
    expect(loudness?.truePeakDbfs).toBeGreaterThan(-19);
    // Where it ends abruptly, the codec overshoots.
    expect(loudness?.truePeakDbfs).toBeLessThan(-12);
  });

  it("calls a video without a sound track silent from beginning to end, and has no loudness of it", async () => {
    const analysis = await analyseClip("h264-silent.mp4", 2000);
    expect(analysis).toEqual({
      waveform: "",
      silent: { totalMs: 2000, longest: [{ startMs: 0, endMs: 2000 }] },
      black: { totalMs: 0, longest: [] },
      frozen: { totalMs: 0, longest: [] },
    });
  });

  it("finds the same in a long video by its key pictures alone", async () => {
    const durationMs = 180_000;
    const { black, frozen } = await analyseClip("three-minutes.mp4", durationMs, { ownKeyPictures: true });
    expectStretches(black, [[120_000, durationMs]]);
    expectStretches(frozen, [[120_000, durationMs]]);
  });

  it("ends with the signal", async () => {
    const enough = new AbortController();
    const reason = new Error("enough");
    setTimeout(() => {
      enough.abort(reason);
    }, 200);
    // Decoded whole, which takes any machine longer than that.
    const analysis = analyseClip("ten-minutes-720p.mp4", 600_000, { signal: enough.signal });
    await expect(analysis).rejects.toBe(reason);
  });

  it("fails on what is no video", async () => {
    await expect(analyseClip("text.mp4", 1000)).rejects.toThrow();
  });
});
