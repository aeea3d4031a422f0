import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { buildWithFault } from "../certify/plantedFaults.ts";
import { runProgram } from "../support/program.ts";

/** Runs `npm run sim:crash` on a built app, in a process of its own: it moves the clock of its process. */
const run = (appDir: string, ...args: string[]) => runProgram("tests/crash/main.ts", ["--app", appDir, ...args]);

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
  { file: "shared/videos/sweepTenant.ts", text: "await discardUnwanted(sweep);", instead: "" },
];
