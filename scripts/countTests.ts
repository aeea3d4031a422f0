import { readFile } from "node:fs/promises";

/** Prints `N passed, N failed` from vitest's JSON report; a file that could not run counts as a failure. */
const report = JSON.parse(await readFile(process.argv[2] ?? "reports/tests.json", "utf8")) as {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { status: string }[];
  }[];
};
const brokenFiles = report.testResults.filter(
  ({ status, assertionResults }) => status === "failed" && !assertionResults.some((test) => test.status === "failed"),
);
console.log(`${report.numPassedTests} passed, ${report.numFailedTests + brokenFiles.length} failed`);
