import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ESLint } from "eslint";
import { type LintRun, findingsOf } from "./lint/finding.ts";
import { sarifLog } from "./lint/sarif.ts";
import { sastReport } from "./lint/sastReport.ts";

const root = dirname(import.meta.dirname);

/** One run of ESLint, told three times: here, in reports/eslint.sarif and in reports/gl-sast-report.json. */
async function main(): Promise<void> {
  const started = new Date();
  const eslint = new ESLint({
    cwd: root,
    // A kept result does not know that a type in another file has changed: whoever pushes may wait less, the server asks anew.
    cache: process.env["CI"] === undefined,
    cacheLocation: join(root, ".cache/eslint.json"),
    cacheStrategy: "content",
  });
  const results = await eslint.lintFiles(["."]);
  const rules = Object.entries(eslint.getRulesMetaForResults(results));
  const run: LintRun = {
    version: ESLint.version,
    started,
    ended: new Date(),
    findings: findingsOf(results, root),
    rules: Object.fromEntries(rules.map(([id, { docs }]) => [id, { description: docs?.description, url: docs?.url }])),
  };
  await mkdir(join(root, "reports"), { recursive: true });
  await writeFile(join(root, "reports/eslint.sarif"), JSON.stringify(sarifLog(run), null, 2));
  await writeFile(join(root, "reports/gl-sast-report.json"), JSON.stringify(sastReport(run), null, 2));
  const told = await (await eslint.loadFormatter("stylish")).format(results);
  if (told !== "") console.log(told);
  // A warning is a finding: nobody reads what does not fail.
  process.exitCode = run.findings.length === 0 ? 0 : 1;
}

await main();
