import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { identify, type MediaFacts } from "../../shared/media/identify.ts";
import { defaultLimits } from "../../shared/media/limits.ts";
import { type Prepared, prepare } from "../../shared/media/prepare.ts";
import { findTools } from "../../shared/media/tools.ts";

/** What identification makes of a file on this disk. */
export async function identifyFile(path: string): Promise<MediaFacts> {
  const content = await readFile(path);
  const read = (start: number, end: number) => Promise.resolve(content.subarray(start, end));
  return await identify({ size: content.length, read }, defaultLimits);
}

/** Prepares files in folders of their own, which are gone with this. */
export class Preparations implements AsyncDisposable {
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  static async start(): Promise<Preparations> {
    return new Preparations(await mkdtemp(join(tmpdir(), "callpilot-prepared-")));
  }

  /** Made as the product makes it; facts that are given stand in for those of identification. */
  async prepare(path: string, facts?: MediaFacts): Promise<Prepared> {
    const workDir = await mkdtemp(join(this.root, "work-"));
    const tools = await findTools();
    return await prepare({ path, facts: facts ?? (await identifyFile(path)), workDir, limits: defaultLimits, tools });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }
}

/** Does the work for all of them, `lanes` at a time, and keeps what came of each. */
export async function settleAll<Name extends string, Result>(
  names: readonly Name[],
  lanes: number,
  work: (name: Name) => Promise<Result>,
): Promise<ReadonlyMap<Name, PromiseSettledResult<Result>>> {
  const left = [...names];
  const results = new Map<Name, PromiseSettledResult<Result>>();
  const lane = async () => {
    for (let name = left.shift(); name !== undefined; name = left.shift()) {
      const [result] = await Promise.allSettled([work(name)]);
      results.set(name, result);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return results;
}
