import { execFile } from "node:child_process";
import { globSync } from "node:fs";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { format, resolveConfig } from "prettier";
import { NoBicep, bicepCli } from "./bicep/cli.ts";
import { generated } from "./bicep/generated.ts";
import { policies } from "./bicep/policies.ts";
import { environmentPolicies } from "./bicep/policies/environments.ts";
import { Estate } from "./bicep/policy.ts";
import { policyTable } from "./bicep/policyTable.ts";
import { type Resource, environments, snapshotFile, snapshotOf } from "./bicep/snapshots.ts";
import { skipped } from "./skipped.ts";

const usage = `Holds the infrastructure to its rules, without Azure.

  npm run check:bicep              sources are formatted and compile without any diagnostic, what is generated and the
                                   snapshots are what the code says, and every environment keeps every rule
  npm run check:bicep -- --update  writes what is generated, the snapshots and the table of rules anew

Exit code 77: no Bicep CLI can be had here.`;

const root = join(import.meta.dirname, "..");
const folder = join(root, "bicep");

try {
  await main();
} catch (error) {
  console.error(error instanceof NoBicep ? error.message : `check:bicep: ${(error as Error).message}`);
  process.exitCode = error instanceof NoBicep ? skipped : 1;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { update: { type: "boolean", default: false }, help: { type: "boolean", default: false } },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const cli = await bicepCli();
  const texts = new Map([
    ...Array.from(generated(), ([name, text]) => [join(folder, "generated", name), text] as const),
    [join(folder, "policies.md"), policyTable()],
  ]);
  const problems = [...(await kept(texts, values.update)), ...(await diagnostics(cli))];
  // What Bicep cannot read has no snapshot.
  if (problems.length === 0) {
    const snapshots = await Promise.all(
      environments.map(async (each) => [snapshotFile(each), await snapshotOf(cli, each)] as const),
    );
    problems.push(
      ...(await kept(new Map(snapshots), values.update)),
      ...rulesBroken(snapshots.map(([, text]) => text)),
    );
  }
  if (problems.length > 0) throw new Error(["the infrastructure is not as it should be", ...problems].join("\n"));
  const rules = policies.length + environmentPolicies.length;
  console.log(`${environments.length} environments keep ${rules} rules; no diagnostics, snapshots as committed`);
}

/** Files that are not what they should be, which is mended where that is asked for. */
async function kept(texts: ReadonlyMap<string, string>, update: boolean): Promise<string[]> {
  const stale = [];
  for (const [file, text] of texts) {
    const wanted = await format(text, { ...(await resolveConfig(file)), filepath: file });
    const found = await readFile(file, "utf8").catch(() => undefined);
    if (found === wanted) continue;
    if (update) await writeFile(file, wanted);
    else stale.push(`${file.slice(root.length + 1)} is not what the code says: npm run check:bicep -- --update`);
  }
  return stale;
}

/** Whatever Bicep says about any source, a warning and a hint as well, and sources that are not formatted. */
async function diagnostics(cli: string): Promise<string[]> {
  const formatted = await unformatted(cli);
  const main = run(cli, ["build", join(folder, "main.bicep"), "--stdout"]);
  const files = [...environments.map((each) => join("params", `${each}.bicepparam`)), join("trial", "main.bicepparam")];
  const parameters = files.map((file) => ["build-params", join(folder, file), "--stdout"]);
  const said = await Promise.all([main, ...parameters.map((args) => run(cli, args))]);
  return [...formatted, ...new Set(said.flat())];
}

/** What a command writes about its sources: nothing, where nothing is to be said. */
async function run(cli: string, args: readonly string[]): Promise<string[]> {
  const said = await promisify(execFile)(cli, args, { maxBuffer: 64 * 1024 ** 2 }).then(
    ({ stderr }) => stderr,
    // With what the program wrote; where it did not run at all, with why.
    (error: unknown) => (error as Error).message,
  );
  return said.split("\n").filter((line) => line.trim() !== "");
}

async function unformatted(cli: string): Promise<string[]> {
  const copy = await mkdtemp(join(tmpdir(), "callpilot-bicep-"));
  try {
    await cp(folder, copy, { recursive: true });
    await promisify(execFile)(cli, ["format", "--pattern", join(copy, "**", "*.bicep*")]);
    const sources = globSync("{*.bicep,modules/*.bicep,params/*.bicepparam,trial/*}", { cwd: folder });
    const texts = await Promise.all(
      sources.map((source) => Promise.all([folder, copy].map((place) => readFile(join(place, source), "utf8")))),
    );
    return sources
      .filter((_, index) => texts[index]?.[0] !== texts[index]?.[1])
      .map((source) => `bicep/${source} is not formatted: bicep format`);
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

function rulesBroken(snapshots: readonly string[]): string[] {
  const estates = environments.map((environment, index) => {
    const { predictedResources } = JSON.parse(snapshots[index] ?? "") as { predictedResources: readonly Resource[] };
    return new Estate(environment, predictedResources);
  });
  const one = estates.flatMap((estate) =>
    policies
      .filter(({ on }) => (on ?? environments).includes(estate.environment))
      .flatMap(({ name, broken }) =>
        broken(estate).map((what) => `${estate.environment}: it does not hold that ${name}: ${what}`),
      ),
  );
  const all = environmentPolicies.flatMap(({ name, broken }) =>
    broken(estates).map((what) => `it does not hold that ${name}: ${what}`),
  );
  return [...one, ...all];
}
