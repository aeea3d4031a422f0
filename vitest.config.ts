import { defineConfig } from "vitest/config";
import { faultSites } from "./tests/support/faultSites.ts";
import { LongestFirst } from "./tests/support/longestFirst.ts";

export default defineConfig({
  plugins: [faultSites()],
  test: {
    include: ["{functions,shared,local,scripts,tests}/**/*.test.ts"],
    pool: "forks",
    // For two cores: a third of its time a test waits, for a program, a service or a clock.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    // Longer than any helper waits: what a test waited for in vain is told by that helper, not by a clock.
    testTimeout: 120_000,
    hookTimeout: 180_000,
    setupFiles: ["tests/support/setup.ts"],
    globalSetup: ["tests/support/stack.ts"],
  },
});
