import type {
  FunctionCallback,
  FunctionMetadata,
  Hook,
  HookName,
  HookContext,
  LogLevel,
  ProgrammingModel,
} from "./core.ts";

/**
 * The module `@azure/functions-core` as the Node worker of Azure Functions injects it: the `@azure/functions` library
 * registers functions and hooks here, and the host reads them. Its state is per process, as in the worker.
 * Source: Azure/azure-functions-nodejs-worker, types-core/index.d.ts.
 */

export const version = "3.13.0";
export const hostVersion = "4.1050.0";

interface Registration {
  readonly metadata: FunctionMetadata;
  readonly callback: FunctionCallback;
}

const registrations: Registration[] = [];
const hooks: Record<HookName, Hook[]> = { appStart: [], appTerminate: [], preInvocation: [], postInvocation: [] };
let programmingModel: ProgrammingModel | undefined;
let logger: ((level: LogLevel, message: string) => void) | undefined;

export class Disposable {
  #dispose: (() => void) | undefined;

  constructor(dispose: () => void) {
    this.#dispose = dispose;
  }

  static from(...disposables: { dispose: () => void }[]): Disposable {
    return new Disposable(() => {
      for (const disposable of disposables) disposable.dispose();
    });
  }

  dispose(): void {
    this.#dispose?.();
    this.#dispose = undefined;
  }
}

/** Throws when the name is taken, as the worker does. */
export function registerFunction(metadata: FunctionMetadata, callback: FunctionCallback): Disposable {
  if (registrations.some((other) => other.metadata.name.toLowerCase() === metadata.name.toLowerCase()))
    throw new Error(`A function with the name "${metadata.name}" is registered already.`);
  const registration = { metadata, callback };
  registrations.push(registration);
  return new Disposable(() => {
    registrations.splice(registrations.indexOf(registration), 1);
  });
}

export function registerHook(name: string, hook: Hook): Disposable {
  if (!isHookName(name)) throw new RangeError(`The local host has no hook "${name}".`);
  hooks[name].push(hook);
  return new Disposable(() => {
    hooks[name].splice(hooks[name].indexOf(hook), 1);
  });
}

export function setProgrammingModel(model: ProgrammingModel): void {
  programmingModel = model;
}

export function getProgrammingModel(): ProgrammingModel | undefined {
  return programmingModel;
}

/** The library's own messages. */
export function log(level: LogLevel, _category: string, message: string): void {
  logger?.(level, message);
}

/** For the host: everything registered so far. */
export function registered(): readonly Registration[] {
  return registrations;
}

/** For the host: runs the hooks of one moment in the order of their registration; the first that throws ends it. */
export async function runHooks(name: HookName, context: HookContext): Promise<void> {
  for (const hook of hooks[name]) await hook(context);
}

/** For the host: where the library's own messages go. */
export function setLogger(write: (level: LogLevel, message: string) => void): void {
  logger = write;
}

function isHookName(name: string): name is HookName {
  return Object.hasOwn(hooks, name);
}
