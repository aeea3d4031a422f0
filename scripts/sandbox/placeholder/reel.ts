import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { openSource } from "../../fileSource.ts";
import { type FileFacts, hashFile } from "../../../shared/media/hash.ts";
import { identify } from "../../../shared/media/identify.ts";
import { defaultLimits as limits } from "../../../shared/media/limits.ts";
import { prepare, type Prepared } from "../../../shared/media/prepare.ts";
import { makeStream, type Stream } from "../../../shared/media/stream.ts";
import type { Tools } from "../../../shared/media/tools.ts";
import { drawBars } from "./bars.ts";
import { copyPadded } from "./padding.ts";
import type { Shape } from "./shape.ts";

/** Everything that was made of one shape, in a folder of its own. */
export class Reel {
  readonly prepared: Prepared;
  readonly #original: string;
  readonly #folder: string;
  readonly #tools: Tools;
  readonly #padded = new Map<string, FileFacts>();
  #stream: Stream | undefined;

  private constructor(folder: string, tools: Tools, original: string, prepared: Prepared) {
    this.#folder = folder;
    this.#tools = tools;
    this.#original = original;
    this.prepared = prepared;
  }

  /** Makes a folder within `parent`, which a failure leaves as it was. */
  static async make(shape: Shape, parent: string, tools: Tools, signal: AbortSignal): Promise<Reel> {
    const folder = await mkdtemp(join(parent, "reel-"));
    try {
      const original = await drawBars(shape, folder, tools, signal);
      const workDir = join(folder, "prepared");
      await mkdir(workDir);
      return new Reel(folder, tools, original, await prepareFile(original, workDir, tools, signal));
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** The recording, or the video made of it, padded to that many bytes. Sizes are few, and each is made once. */
  async padded(name: "original" | "video", size: number, signal: AbortSignal): Promise<FileFacts> {
    const file = `${name}-${size}.mp4`;
    const made = this.#padded.get(file);
    if (made !== undefined) return made;
    const path = join(this.#folder, file);
    await copyPadded(name === "original" ? this.#original : this.prepared.video.path, path, size);
    const facts = await hashFile(path, signal);
    this.#padded.set(file, facts);
    return facts;
  }

  async stream(signal: AbortSignal): Promise<Stream> {
    const { path } = this.prepared.video;
    const workDir = join(this.#folder, "prepared");
    return (this.#stream ??= await makeStream({ path, workDir, tools: this.#tools, signal }));
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** As the product makes what reviewers see of a recording that a device sent. */
async function prepareFile(path: string, workDir: string, tools: Tools, signal: AbortSignal): Promise<Prepared> {
  await using source = await openSource(path);
  const facts = await identify(source, limits, signal);
  return await prepare({ path, facts, workDir, limits, tools, signal });
}
