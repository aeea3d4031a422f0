import { readFileSync } from "node:fs";
import {
  exceptionsIn,
  integrityProblems,
  isForProduction,
  licenceProblems,
  lockedPackages,
  scriptProblems,
} from "./packages/lockfile.ts";

/** Whether the lockfile vouches for every package, nothing runs at install, and every licence is one we may use. */
const packages = lockedPackages();
const { allowScripts } = JSON.parse(readFileSync("package.json", "utf8")) as { allowScripts: Record<string, boolean> };
const problems = [
  ...integrityProblems(packages),
  ...scriptProblems(packages, allowScripts),
  ...licenceProblems(packages, exceptionsIn(readFileSync("docs/dependencies.md", "utf8"))),
];
const count = Object.keys(packages).length;
const production = Object.values(packages).filter(isForProduction).length;
for (const problem of problems) console.error(problem);
console.log(`${count} packages, ${production} of them in the product: ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
