import { globSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire, registerHooks } from "node:module";
import { join, relative } from "node:path";
import { LocalError } from "../service.ts";
import type { Binding, FunctionCallback, FunctionMetadata, ProgrammingModel } from "./core.ts";
import type * as Core from "./functionsCore.ts";
import { resolveSetting } from "./settings.ts";

export type CoreModule = typeof Core;

/** A function that the app registered. */
export interface AppFunction {
  readonly name: string;
  /** Built file that registered it, relative to the app's folder. */
  readonly file: string;
  readonly trigger: Binding & { readonly name: string };
  readonly metadata: FunctionMetadata;
  readonly callback: FunctionCallback;
  /** `AzureWebJobs.<name>.Disabled` is true: nothing starts it but an administrator. */
  readonly disabled: boolean;
}

export interface App {
  readonly functions: readonly AppFunction[];
  readonly model: ProgrammingModel;
  readonly core: CoreModule;
  /** Where the library wants HTTP requests and bodies streamed to (`app.setup({ enableHttpStream: true })`). */
  readonly httpUri: string | undefined;
}

const coreName = "@azure/functions-core";
const triggerKinds = new Set([
  "httpTrigger",
  "queueTrigger",
  "blobTrigger",
  "timerTrigger",
  "cosmosDBTrigger",
  "eventGridTrigger",
]);

/**
 * Imports the files that `main` in package.json names and collects what they register. As in the Node worker, one file
 * that throws takes the whole app down. Throws {@link LocalError} for that and for what the local host cannot run.
 */
export async function loadApp(appDir: string, env: Readonly<Record<string, string | undefined>>): Promise<App> {
  const require = createRequire(import.meta.url);
  const core = injectCore(require);
  if (core.registered().length > 0)
    throw new LocalError("A process can run one Functions app only, and only once: start a new one.");
  const pattern = await mainOf(appDir);
  const files = globSync(pattern, { cwd: appDir }).sort();
  if (files.length === 0) throw new LocalError(`No file in ${appDir} matches "${pattern}": run the build first.`);

  const functions: AppFunction[] = [];
  for (const file of files) {
    try {
      require(join(appDir, file));
    } catch (error) {
      throw new LocalError(
        `${file} cannot be loaded, and no function runs without it: ${error instanceof Error ? error.message : String(error)}`,
        { cause: error },
      );
    }
    const added = core.registered().slice(functions.length);
    functions.push(
      ...added.map(({ metadata, callback }) =>
        toFunction(relative(appDir, join(appDir, file)), metadata, callback, env),
      ),
    );
  }
  const model = core.getProgrammingModel();
  if (model === undefined) throw new LocalError(`No file that matches "${pattern}" registers a function.`);
  const capabilities = await model.getCapabilities?.({});
  return { functions, model, core, httpUri: capabilities?.["HttpUri"] };
}

/**
 * Answers `@azure/functions-core`, imported or required, with our module. It is then required here too, because a test
 * runner may have loaded the host through its own loader, which would make a second instance.
 */
function injectCore(require: NodeJS.Require): CoreModule {
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === coreName
        ? { url: new URL("functionsCore.ts", import.meta.url).href, shortCircuit: true }
        : next(specifier, context),
  });
  return require(coreName) as CoreModule;
}

async function mainOf(appDir: string): Promise<string> {
  const file = join(appDir, "package.json");
  const { main } = JSON.parse(await readFile(file, "utf8")) as { main?: string };
  if (main === undefined) throw new LocalError(`${file} must name the function files as "main".`);
  return main;
}

function toFunction(
  file: string,
  metadata: FunctionMetadata,
  callback: FunctionCallback,
  env: Readonly<Record<string, string | undefined>>,
): AppFunction {
  const bindings = Object.entries(metadata.bindings);
  const found = bindings.find(([, binding]) => /trigger$/iu.test(binding.type));
  const [name, trigger] = found ?? [];
  const unsupported = (what: string) =>
    new LocalError(`The local host does not know ${what} of the function ${metadata.name} (${file}).`);
  if (name === undefined || trigger === undefined || !triggerKinds.has(trigger.type))
    throw unsupported(`the trigger "${trigger?.type ?? "none"}"`);
  for (const [other, binding] of bindings)
    if (other !== name && binding.type !== "http") throw unsupported(`the binding "${binding.type}"`);
  if (metadata.retryOptions !== undefined && !["timerTrigger", "cosmosDBTrigger"].includes(trigger.type))
    throw new LocalError(
      `Azure honours no retry policy on a ${trigger.type}: remove it from the function ${metadata.name} (${file}).`,
    );
  const resolved = Object.fromEntries(
    Object.entries(trigger).map(([key, value]) => [
      key,
      typeof value === "string" && key !== "route" ? resolveSetting(value, env) : value,
    ]),
  );
  return {
    name: metadata.name,
    file,
    trigger: { ...trigger, ...resolved, name },
    metadata,
    callback,
    disabled: ["true", "1"].includes((env[`AzureWebJobs.${metadata.name}.Disabled`] ?? "").toLowerCase()),
  };
}
