import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

export const environments = ["sandbox", "staging", "production"] as const;
export type Environment = (typeof environments)[number];

/** A resource as Azure would be asked for it, with every name and reference resolved that can be without Azure. */
export interface Resource {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly [more: string]: unknown;
}

const root = join(import.meta.dirname, "..", "..");

/** Where the snapshot of an environment is kept. */
export function snapshotFile(environment: Environment): string {
  return join(root, "bicep", "snapshots", `${environment}.json`);
}

/** All that an environment has, from its committed snapshot. */
export async function committedResourcesForTests(environment: Environment): Promise<readonly Resource[]> {
  const text = await readFile(snapshotFile(environment), "utf8");
  return (JSON.parse(text) as Snapshot).predictedResources;
}

interface Snapshot {
  readonly predictedResources: readonly Resource[];
  readonly diagnostics?: readonly unknown[];
  readonly outputs: Readonly<Record<string, unknown>>;
}

/** Ids that stand for whatever the environment is deployed to. */
const places = [
  ...["--tenant-id", "11111111-1111-1111-1111-111111111111"],
  ...["--subscription-id", "22222222-2222-2222-2222-222222222222"],
  ...["--location", "westeurope", "--deployment-name", "main", "--mode", "overwrite"],
];

/** What an operator fills in of the sandbox copy once it is known; ids that stand for any, as those of places do. */
const copyOfNobody = {
  CALLPILOT_COPY_ISSUER: "https://login.example/44444444-4444-4444-4444-444444444444/v2.0",
  CALLPILOT_COPY_SUBJECT: "service-connection",
  CALLPILOT_IMPORTER_ID: "33333333-3333-3333-3333-333333333333",
};

/** The snapshot of an environment as the sources say now: text for {@link snapshotFile}. Throws with what Bicep says. */
export async function snapshotOf(
  cli: string,
  environment: Environment,
  folder = join(root, "bicep"),
  given: Readonly<Record<string, string>> = copyOfNobody,
): Promise<string> {
  // The CLI writes beside the parameters, so those are reached through a folder of this run's own.
  const copy = await mkdtemp(join(tmpdir(), "callpilot-bicep-"));
  try {
    for (const name of ["main.bicep", "types.bicep", "modules", "generated", "bicepconfig.json"])
      await symlink(join(folder, name), join(copy, name));
    const parameters = join(copy, "params", `${environment}.bicepparam`);
    await promisify(execFile)("cp", ["-r", join(folder, "params"), copy]);
    const { stderr } = await promisify(execFile)(
      cli,
      ["snapshot", parameters, "--resource-group", `rg-callpilot-${environment}`, ...places],
      { maxBuffer: 64 * 1024 ** 2, env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...given } },
    );
    // Also of a warning, with which the CLI ends well.
    if (/: (?:Error|Warning|Info) /u.test(stderr)) throw new Error(stderr);
    const text = await readFile(parameters.replace(/\.bicepparam$/u, ".snapshot.json"), "utf8");
    const snapshot = JSON.parse(text) as Snapshot;
    if ((snapshot.diagnostics ?? []).length > 0) throw new Error(JSON.stringify(snapshot.diagnostics));
    // Outputs come in another order each time.
    const outputs = Object.fromEntries(
      Object.entries(snapshot.outputs).toSorted(([one], [other]) => one.localeCompare(other)),
    );
    return `${JSON.stringify({ ...snapshot, outputs }, null, 2)}\n`;
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}
