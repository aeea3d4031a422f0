import { defineConfig } from "vitest/config";
import { faultSites } from "../support/faultSites.ts";

const folder = process.env["MUTATED_FOLDER"] ?? "tenancy";

/** What guards one of the mutated folders by itself, in this process, without the stack that the whole suite runs on. */
export default defineConfig({
  root: process.cwd(),
  plugins: [faultSites()],
  test: {
    include: [`shared/${folder}/**/*.test.ts`],
    // Looks into a process of its own, which no mutant is active in.
    exclude: ["shared/protection/secretsInMemory.test.ts"],
    pool: "forks",
    // Longer than Stryker waits: a mutant that hangs is told from one that a test failed on, however busy the machine is.
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
