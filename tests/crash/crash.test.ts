import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { buildWithFault } from "../certify/plantedFaults.ts";

/** Runs `npm run sim:crash` on a built app, in a process of its own: it moves the clock of its process. */
async function run(appDir: string, ...args: string[]): Promise<{ readonly code: number; readonly output: string }> {
  const program = join(import.meta.dirname, "main.ts");
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [program, "--app", appDir, ...args]);
    return { code: 0, output: stdout };
  } catch (error) {
    const { code, stdout } = error as { code: number; stdout: string };
    return { code, output: stdout };
  }
}

test(
  "instances that are killed lose nothing, do nothing twice and leave nothing behind",
  { timeout: 600_000 },
  async () => {
    const { code, output } = await run(process.cwd(), ...["--kills", "6", "--videos", "12", "--seed", "suite"]);
    expect([code, output]).toEqual([0, expect.stringContaining("nothing lost, nothing twice, nothing left over")]);
  },
);

test("the simulation notices what is left behind", { timeout: 600_000 }, async () => {
  const appDir = await mkdtemp(join(tmpdir(), "callpilot-planted-"));
  try {
    await buildWithFault({ patches: untidy }, appDir);
    const small = ["--kills", "1", "--videos", "2", "--seed", "planted", "--patience", "1"];
    const { code, output } = await run(appDir, ...small);
    expect([code, output]).toEqual([1, expect.stringMatching(/the blob incoming\/\w+\/\w+ is an orphan/u)]);
  } finally {
    await rm(appDir, { recursive: true, force: true });
  }
});

/** Uploads stay when their videos are ready, and the sweep does not mind. */
const untidy = [
  {
    file: "shared/videos/processVideo.ts",
    text: 'if (state !== "processing_failed") await deleteBlob(container, incoming);',
    instead: "",
  },
  { file: "shared/videos/sweepTenant.ts", text: "await discardUnwanted(tenant, container, report);", instead: "" },
];
