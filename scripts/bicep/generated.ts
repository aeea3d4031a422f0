import { createRequire } from "node:module";
import { databaseContainers } from "../../local/provision.ts";
import type * as FunctionsCore from "../../local/host/functionsCore.ts";
import { lazy } from "../../shared/lazy.ts";
import { ownSecretNames } from "../../shared/protection/ownSecrets.ts";
import { queueNames } from "../../shared/storage/queues.ts";
import { loadOperations } from "../openapi/loadOperations.ts";

/** Each app's functions by the platform's own rule for them: HTTP is the api's, what has a trigger the worker's. */
interface FunctionsOfApps {
  /** The api's alone: probes are not among them, which both apps answer. */
  readonly api: readonly string[];
  readonly worker: readonly string[];
  readonly queues: readonly string[];
  /** That the worker makes in the vault. */
  readonly secrets: readonly string[];
}

const probes = ["getHealth", "getReadiness"];

export const functionsOfApps = lazy((): FunctionsOfApps => {
  loadOperations();
  const core = createRequire(import.meta.url)("../../local/host/functionsCore.ts") as typeof FunctionsCore;
  const names = (isHttp: boolean) =>
    core
      .registered()
      .filter(
        ({ metadata: { bindings } }) => Object.values(bindings).some(({ type }) => type === "httpTrigger") === isHttp,
      )
      .map(({ metadata: { name } }) => name)
      .toSorted();
  return {
    api: names(true).filter((name) => !probes.includes(name)),
    worker: names(false),
    queues: queueNames,
    secrets: ownSecretNames,
  };
});

/** What `bicep/` reads of the code, by file in `bicep/generated`. */
export function generated(): ReadonlyMap<string, string> {
  return new Map([
    ["functions.json", json(functionsOfApps())],
    ["cosmos.json", json(databaseContainers())],
  ]);
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
