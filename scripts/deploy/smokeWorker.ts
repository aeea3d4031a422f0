import { az } from "./az.ts";
import { type Place, codeIn, settingsOf } from "./place.ts";
import { soonRight } from "./soon.ts";

interface HostStatus {
  readonly properties: { readonly state?: string; readonly errors?: readonly string[] | null };
}

interface ListedFunction {
  /** `<app>/<function>` */
  readonly name: string;
  readonly isDisabled: boolean;
}

/**
 * Looks until the worker that is live runs that code, by what Azure tells of it, since we do not reach it: its host
 * runs, and of the functions that the slot is to run, those that the code has are there and on. Throws after so many
 * seconds, with what was wrong at last.
 */
export async function smokeWorker(place: Place, worker: string, code: string, seconds: number): Promise<void> {
  await soonRight(seconds, `${worker} does not run as it should`, () =>
    problemsOf(place, worker, code).catch((error: unknown) => [(error as Error).message]),
  );
}

async function problemsOf(place: Place, worker: string, code: string): Promise<readonly string[]> {
  const app = ["--resource-group", place.group, "--name", worker];
  const { id } = await az<{ readonly id: string }>(["functionapp", "show", ...app]);
  const [settings, { properties: host }, listed] = await Promise.all([
    settingsOf(place, worker, "production"),
    // Of the host itself: https://github.com/Azure/azure-functions-host/issues/4570
    az<HostStatus>(["rest", "--method", "get", "--url", `${id}/host/default/properties/status?api-version=2025-03-01`]),
    az<readonly ListedFunction[]>(["functionapp", "function", "list", ...app]),
  ]);
  // A build that is rolled back to may lack some of them.
  const meant = listed.filter(({ name }) => settings[`AzureWebJobs.${functionOf(name)}.Disabled`] === "false");
  return [
    ...(codeIn(settings) === code ? [] : ["its slot has other code"]),
    ...(host.state === "Running" ? [] : [`its host is in the state ${host.state ?? "unknown"}`]),
    ...((host.errors ?? []).length === 0 ? [] : ["its host has errors"]),
    ...(meant.length === 0 ? ["none of its functions is there"] : []),
    ...meant.filter(({ isDisabled }) => isDisabled).map(({ name }) => `${functionOf(name)} is off`),
  ];
}

const functionOf = (name: string) => name.split("/").at(-1) ?? "";
