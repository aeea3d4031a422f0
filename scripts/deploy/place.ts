import { az } from "./az.ts";

/** Where something is deployed to: an environment and its resource group. */
export interface Place {
  readonly environment: "sandbox" | "staging" | "production";
  readonly group: string;
}

export const apps = ["api", "worker"] as const;
export type App = (typeof apps)[number];
export type Slot = "production" | "staging";

/** What the infrastructure is called, as its last deployment says, and from which day its budget counts. */
export interface Names {
  readonly api: string;
  readonly worker: string;
  readonly packageAccount: string;
  readonly dataAccount: string;
  readonly budgetFrom: string;
}

/** What deployments of the infrastructure are called before their time, which tells them from those of their modules. */
export const deploymentPrefix = "callpilot-";

/**
 * Names of what is there, by the last deployment that succeeded: one that failed, or still runs, tells none. Undefined
 * before the first.
 */
export async function namesIn({ group }: Place): Promise<Names | undefined> {
  const deployments = await az<readonly Deployment[]>([
    ...["deployment", "group", "list", "--resource-group", group],
    ...["--query", `[?starts_with(name, '${deploymentPrefix}')]`],
  ]);
  const outputs = deployments
    .filter(({ properties }) => properties.provisioningState === "Succeeded")
    .toSorted((one, other) => one.name.localeCompare(other.name))
    .at(-1)?.properties.outputs;
  if (outputs === undefined) return undefined;
  const value = (name: string) => {
    const found = outputs[name]?.value;
    if (found === undefined) throw new Error(`the deployment of ${group} has no output ${name}`);
    return found;
  };
  return {
    api: value("apiName"),
    worker: value("workerName"),
    packageAccount: value("packageAccountName"),
    dataAccount: value("dataAccountName"),
    budgetFrom: value("budgetFrom"),
  };
}

interface Deployment {
  readonly name: string;
  readonly properties: {
    readonly provisioningState: string;
    readonly outputs?: Readonly<Record<string, { readonly value: string } | undefined>>;
  };
}

/** {@link namesIn}, where there has to be something. */
export async function namesOf(place: Place): Promise<Names> {
  const names = await namesIn(place);
  if (names === undefined)
    throw new Error(`nothing is deployed to ${place.group} yet: deploy the infrastructure first`);
  return names;
}

const slotOption = (slot: Slot) => (slot === "production" ? [] : ["--slot", slot]);

export type Settings = Readonly<Record<string, string>>;

/** Of a slot, those that have a value. */
export async function settingsOf({ group }: Place, name: string, slot: Slot): Promise<Settings> {
  const settings = await az<readonly { readonly name: string; readonly value: string | null }[]>([
    ...["functionapp", "config", "appsettings", "list", "--resource-group", group, "--name", name],
    ...slotOption(slot),
  ]);
  return Object.fromEntries(settings.flatMap((each) => (each.value === null ? [] : [[each.name, each.value]])));
}

/** Where the code lies that settings name; "1" where none was ever deployed. */
export function codeIn(settings: Settings): string {
  return settings["WEBSITE_RUN_FROM_PACKAGE"] ?? "1";
}

/** Where the code of a slot lies; "1" where none was ever deployed. */
export async function codeOf(place: Place, name: string, slot: Slot): Promise<string> {
  return codeIn(await settingsOf(place, name, slot));
}

/** Sets where the code of a slot lies, and starts the slot with it. */
export async function runCode({ group }: Place, name: string, slot: Slot, code: string): Promise<void> {
  const where = ["--resource-group", group, "--name", name, ...slotOption(slot)];
  await az([
    ...["functionapp", "config", "appsettings", "set", ...where, "--settings", `WEBSITE_RUN_FROM_PACKAGE=${code}`],
  ]);
  await az(["functionapp", "restart", ...where]);
}

/** Address of a slot. */
export async function addressOf({ group }: Place, name: string, slot: Slot): Promise<string> {
  const site = await az<{ readonly defaultHostName: string }>([
    ...["functionapp", "show", "--resource-group", group, "--name", name],
    ...slotOption(slot),
  ]);
  return `https://${site.defaultHostName}`;
}
