import { describe, it } from "vitest";
import { runProgram } from "../support/program.ts";

/** Runs `npm run sim:swap`, in a process of its own: it moves the clock of its process. */
const run = (...args: string[]) => runProgram("tests/swap/main.ts", args);

// They mostly wait, so they do it at the same time.
describe.concurrent("a swap", { timeout: 600_000 }, () => {
  it("to the next release and back loses, repeats and refuses nothing", async ({ expect }) => {
    const { code, output } = await run("--swaps", "2", "--videos", "6", "--seed", "suite", "--lease", "9");
    expect([code, output]).toEqual([0, expect.stringContaining("nothing lost, nothing twice, nothing failed")]);
  });

  it("back to a build that cannot read what the next one wrote is noticed", async ({ expect }) => {
    const small = ["--swaps", "2", "--videos", "2", "--seed", "planted", "--patience", "1", "--lease", "9"];
    const { code, output } = await run("--fault", ...small);
    const noticed = "a member did not come through: Error: GET /v1/surveys/{svy}: 500";
    expect([code, output]).toEqual([1, expect.stringContaining(noticed)]);
  });

  it("is asked for by a number", async ({ expect }) => {
    expect((await run("--swaps", "many")).code).toBe(2);
  });
});
