import { unusedExports } from "./unused/exports.ts";
import { unusedFiles } from "./unused/files.ts";
import { unusedPackages } from "./unused/packages.ts";
import { openProject } from "./unused/project.ts";

/** Tells what nothing uses: exports, files and direct dependencies. It does not see members of types and objects. */
const project = openProject(process.cwd());
const found = [...unusedFiles(project), ...unusedExports(project), ...unusedPackages(project)];
for (const one of found) console.error(one);
console.log(`${found.length} unused in ${project.sources.size} files`);
process.exitCode = found.length === 0 ? 0 : 1;
