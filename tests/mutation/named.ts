import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { namedMutants } from "./namedMutants.ts";

/** What the JSON reporter of Vitest writes, as far as it is read here. */
interface Report {
  readonly success: boolean;
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

/** The tests, with a mutant in the source or, without a name, with none. */
async function run(tests: readonly string[], mutant = ""): Promise<{ whole: boolean; failed: readonly string[] }> {
  const dir = await mkdtemp(join(tmpdir(), "callpilot-mutant-"));
  const file = join(dir, "report.json");
  const args = ["run", "--config", "tests/mutation/named.config.ts", "--reporter=json", `--outputFile=${file}`];
  try {
    const env = { ...process.env, NAMED_MUTANT: mutant };
    const child = spawn("nice", ["-n", "10", "vitest", ...args, ...tests], { env, stdio: "ignore" });
    await new Promise((resolve) => child.once("close", resolve));
    const { success, testResults } = JSON.parse(await readFile(file, "utf8")) as Report;
    const all = testResults.flatMap(({ assertionResults }) => assertionResults);
    return { whole: success, failed: all.filter(({ status }) => status === "failed").map(({ fullName }) => fullName) };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Runs `npm run mutation:named`: each named mutant of tenancy, and the test that kills it. Fails where one survives. */
async function main(): Promise<void> {
  const tests = [...new Set(Object.values(namedMutants).flatMap((mutant) => mutant.tests))];
  if (!(await run(tests)).whole) throw new Error("the tests fail without a mutant");
  for (const [name, mutant] of Object.entries(namedMutants)) {
    const { whole, failed } = await run(mutant.tests, name);
    if (!whole && failed.length === 0)
      throw new Error(`${name} could not be tried: its text is gone, or breaks the file`);
    const [first] = failed;
    if (first === undefined) process.exitCode = 1;
    console.log(first === undefined ? `✗ ${name}: SURVIVED` : `✓ ${name}: ${failed.length} tests, e.g. "${first}"`);
  }
}

await main();
