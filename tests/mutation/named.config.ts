import { relative } from "node:path";
import { type Plugin, defineConfig } from "vitest/config";
import { faultSites } from "../support/faultSites.ts";
import { namedMutants } from "./namedMutants.ts";

const mutant = namedMutants[process.env["NAMED_MUTANT"] ?? ""];

/** Puts the mutant into its file as it is loaded. Throws where the source has no such text any more. */
const plant: Plugin = {
  name: "named-mutant",
  enforce: "pre",
  transform(code, id) {
    if (mutant?.file !== relative(process.cwd(), id.split("?", 1)[0] ?? id)) return undefined;
    if (!code.includes(mutant.text)) throw new Error(`${mutant.file} has no longer the text that the mutant replaces`);
    return { code: code.replaceAll(mutant.text, () => mutant.instead), map: null };
  },
};

/** For `npm run mutation:named`: a mutant's tests by themselves, without the stack that the whole suite runs on. */
export default defineConfig({
  root: process.cwd(),
  plugins: [plant, faultSites()],
  // A file that was transformed is kept by its text alone: the mutant would not be planted, or stay.
  test: { fsModuleCache: false, pool: "forks", maxWorkers: 2, testTimeout: 120_000, hookTimeout: 120_000 },
});
