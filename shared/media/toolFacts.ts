import { tmpdir } from "node:os";
import { lazyResult } from "../lazy.ts";
import { hashFile } from "./hash.ts";
import { run } from "./run.ts";
import { type Tools, tools } from "./tools.ts";

/** Which programs made a video of a recording. */
export type ToolFacts = Readonly<Record<keyof Tools, { readonly version: string; readonly sha256: string }>>;

/** The tools of this process, looked at once. Throws MissingTool, ToolFailure; a later call looks again. */
export const toolFacts = lazyResult(async (): Promise<ToolFacts> => {
  const { ffmpeg, ffprobe } = await tools();
  return { ffmpeg: await factsOf(ffmpeg), ffprobe: await factsOf(ffprobe) };
});

/** `ffmpeg version 7.1.1-1+b1 Copyright …`: the third word. */
async function factsOf(path: string): Promise<ToolFacts[keyof ToolFacts]> {
  const said = await run(path, ["-version"], { cwd: tmpdir(), limits });
  const [, version = "unknown"] = /^\S+ version ([\w.+~:-]+)/u.exec(said) ?? [];
  const { sha256 } = await hashFile(path);
  return { version: version.slice(0, 80), sha256 };
}

const limits = { wallSeconds: 30, cpuSeconds: 10, memoryBytes: 2 * 2 ** 30, fileBytes: 2 ** 20, openFiles: 64 };
