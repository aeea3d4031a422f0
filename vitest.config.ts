import { defineConfig } from "vitest/config";
import { faultSites } from "./tests/support/faultSites.ts";

export default defineConfig({
  plugins: [faultSites()],
  test: {
    include: ["{functions,shared,local,scripts,tests}/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    setupFiles: ["tests/support/setup.ts"],
    globalSetup: ["tests/support/stack.ts"],
  },
});
