import { describe, expect, it } from "vitest";
import { runProgram } from "../support/program.ts";

it("a copy has everything of production's shape and nothing of its people, whenever it is interrupted", async () => {
  const small = ["--surveys", "20", "--seed", "suite", "--built"];
  const { code, output } = await runProgram("tests/sandbox/main.ts", small);
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
    const { code, output } = await runProgram("scripts/sandbox.ts", args);
    expect([code, output]).toEqual([2, expect.stringContaining(message)]);
  });
});
