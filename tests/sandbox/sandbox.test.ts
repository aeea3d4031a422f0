import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

/** Runs a program of the project's in a process of its own. */
async function run(program: string, args: readonly string[]) {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [
      join(import.meta.dirname, "../..", program),
      ...args,
    ]);
    return { code: 0, output: stdout };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, output: stdout + stderr };
  }
}

it("a copy has everything of production's shape and nothing of its people, whenever it is interrupted", async () => {
  const { code, output } = await run("tests/sandbox/main.ts", ["--surveys", "9", "--seed", "suite"]);
  expect([code, output]).toEqual([0, expect.stringContaining("nothing of anybody's arrived")]);
});

describe("the command", () => {
  const drop = "https://account.blob.core.windows.net/drop";
  const tenant = "tnt_01HZZZZZZZZZZZZZZZZZZZZZZZ";

  it.each([
    ["nothing", [], "--from, --to and --tenant are needed"],
    [
      "two environments",
      ["--from", "production", "--to", "sandbox", "--tenant", tenant],
      "the https address of the drop",
    ],
    ["two drops", ["--from", drop, "--to", drop, "--tenant", tenant], "the https address of the drop"],
    ["the platform", ["--from", "production", "--to", drop, "--tenant", "platform"], "no id of a tenant"],
    [
      "a file that is not there",
      ["--from", drop, "--to", "sandbox", "--tenant", tenant, "--settings", "nowhere.env"],
      "nowhere.env cannot be read",
    ],
    ["an option that there is not", ["--all"], "Unknown option"],
  ])("refuses %s", async (_, args, message) => {
    const { code, output } = await run("scripts/sandbox.ts", args);
    expect([code, output]).toEqual([2, expect.stringContaining(message)]);
  });
});
