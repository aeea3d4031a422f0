const folder = process.env["MUTATED_FOLDER"] ?? "tenancy";

/**
 * Mutation tests of a folder that tenancy and credentials rest on, by its own tests. All of Stryker's mutators are on. Left
 * out are the texts of errors (errorTexts.js): they are for whoever reads a stack trace, and nothing promises them.
 * @type {import("@stryker-mutator/api/core").PartialStrykerOptions}
 */
export default {
  testRunner: "vitest",
  plugins: ["@stryker-mutator/vitest-runner", "./tests/mutation/errorTexts.js"],
  ignorers: ["error-texts"],
  vitest: { configFile: "tests/mutation/vitest.config.ts", related: false },
  mutate: [`shared/${folder}/**/*.ts`, "!**/*.test.ts", "!**/*ForTests.ts"],
  ignorePatterns: ["/.local", "/.cache", "/reports", "/dist", "/coverage", "/docs"],
  concurrency: 2,
  tempDirName: ".cache/stryker",
  // What did not change since the last run is not run again.
  incremental: true,
  incrementalFile: `.cache/mutation-${folder}.json`,
  reporters: ["clear-text", "json"],
  jsonReporter: { fileName: `reports/mutation-${folder}.json` },
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  timeoutMS: 30_000,
  thresholds: { high: 95, low: 90, break: 90 },
  warnings: { slow: false },
};
