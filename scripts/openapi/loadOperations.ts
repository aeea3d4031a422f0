import { globSync } from "node:fs";
import { createRequire, registerHooks } from "node:module";
import { basename, dirname, join } from "node:path";
import type { HttpFunctionOptions } from "@azure/functions";
import { KindGuard, type TSchema } from "@sinclair/typebox";
import type * as ContractModule from "../../shared/triggers/contract.ts";
import type { Contract } from "../../shared/triggers/contract.ts";

/** One HTTP function: its contract, its name, which is the operation's id, and its folder. */
export interface Operation {
  readonly name: string;
  readonly folder: string;
  readonly contract: Contract;
}

const require = createRequire(import.meta.url);
const root = join(import.meta.dirname, "..", "..");

/**
 * Loads every function, and finds the names that schemas are exported under in `shared/`, by their JSON text: where two
 * say the same, the first name stands for both. Throws where a file does not export what it is called.
 */
export function loadOperations(): {
  readonly operations: readonly Operation[];
  readonly schemaNames: ReadonlyMap<string, string>;
} {
  provideFunctionsCore();
  const { contractOf } = load("shared/triggers/contract.ts") as typeof ContractModule;
  const operations: Operation[] = [];
  for (const file of sources("functions/*/*.ts")) {
    const name = basename(file, ".ts");
    const options = load(file)[name];
    if (options === undefined) throw new Error(`${file} exports no ${name}.`);
    const contract = contractOf(options as HttpFunctionOptions);
    if (contract !== undefined) operations.push({ name, folder: basename(dirname(file)), contract });
  }
  const schemaNames = new Map<string, string>();
  for (const file of sources("shared/*/*.ts"))
    for (const [name, value] of Object.entries(load(file)))
      if (isNameable(value) && !schemaNames.has(JSON.stringify(value))) schemaNames.set(JSON.stringify(value), name);
  return { operations, schemaNames };
}

/** The library warns when the Functions worker's module is missing. The local host's registers just as well. */
function provideFunctionsCore(): void {
  const url = new URL("../../local/host/functionsCore.ts", import.meta.url).href;
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === "@azure/functions-core" ? { url, shortCircuit: true } : next(specifier, context),
  });
  require("@azure/functions-core");
}

function sources(pattern: string): string[] {
  return globSync(pattern, { cwd: root })
    .filter((file) => !/(?:\.test|ForTests)\.ts$/u.test(file))
    .sort();
}

function load(file: string): Record<string, unknown> {
  return require(join(root, file)) as Record<string, unknown>;
}

/** Whether the schema describes something with members; texts and numbers are plainer where they are used. */
function isNameable(value: unknown): value is TSchema {
  return KindGuard.IsKind(value) && (value["type"] === "object" || "anyOf" in value || "oneOf" in value);
}
