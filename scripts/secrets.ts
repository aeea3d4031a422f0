import { readFileSync } from "node:fs";
import { projectFiles } from "./projectFiles.ts";
import { secretsIn } from "./secrets/scan.ts";

/** Looks for credentials in everything that is or may be committed. */
// The lockfile is nothing but hashes and versions, and those are checked one by one (packages).
const files = projectFiles().filter((file) => file !== "package-lock.json");
let found = 0;
for (const file of files) {
  for (const { line, kind } of await secretsIn(file, readFileSync(file, "utf8"))) {
    found++;
    console.error(`${file}:${line} ${kind}`);
  }
}
console.log(`${found} credentials in ${files.length} files`);
process.exitCode = found === 0 ? 0 : 1;
