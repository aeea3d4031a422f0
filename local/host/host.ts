import { setMaxListeners } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { LocalError, type LocalService, listen, stop } from "../service.ts";
import { createAdmin } from "./admin.ts";
import { type App, type AppFunction, loadApp } from "./app.ts";
import type { BlobCreated } from "./blob.ts";
import { createEventGridTrigger, createEventGridWebhook } from "./eventGrid.ts";
import { createHttpServer } from "./http.ts";
import { createInvoker } from "./invoke.ts";
import { type LogSink, createLog, writeToStdout } from "./log.ts";
import { readSettings } from "./settings.ts";
import { createTimerTrigger } from "./timer.ts";
import { type Trigger, type TriggerHost, endpointOf, leaseId } from "./trigger.ts";

export interface HostOptions {
  /** Folder with host.json and the package.json whose `main` names the built function files. */
  readonly appDir: string;
  readonly port: number;
  /** The app's settings, which the caller has put into process.env before. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where log lines go; standard output as JSON unless given. */
  readonly log?: LogSink;
  /** Registers for blobs written to the local storage account. */
  readonly onBlobCreated?: (listener: (event: BlobCreated) => void) => void;
  /** Registers for messages put on its queues. */
  readonly onQueueMessage?: (listener: (queue: string) => void) => void;
  /** Owner of change feed leases; a restart under the same name goes on at once. */
  readonly instance?: string;
  /** Seconds after which a message comes back whose host was killed; 30 unless given (Azure: 600). */
  readonly messageLock?: number;
  /** Milliseconds between scans for blobs that no event announced; a minute unless given. */
  readonly blobScan?: number;
  /** Milliseconds that {@link LocalService.close} waits for running functions; 10 seconds unless given. */
  readonly drain?: number;
}

export interface FunctionInfo {
  readonly name: string;
  /** Built file, relative to the app's folder. */
  readonly file: string;
  /** E.g. `httpTrigger`. */
  readonly trigger: string;
  readonly disabled: boolean;
}

export interface FunctionsHost extends LocalService {
  readonly functions: readonly FunctionInfo[];
}

/**
 * A small Functions host: runs the built app in this process and feeds its triggers through the invocation model of
 * `@azure/functions`, so that parsing, hooks and answers are the library's. One per process. Throws
 * {@link LocalError} when a file cannot be loaded or a function needs what the local host does not have.
 */
export async function startHost(options: HostOptions): Promise<FunctionsHost> {
  const settings = await readSettings(options.appDir);
  const log = createLog(options.log ?? writeToStdout, settings.logLevels);
  const app = await loadApp(options.appDir, options.env);
  app.core.setLogger((level, message) => {
    log.host(level, message);
  });

  const stopping = new AbortController();
  // Each wait and each request of each trigger listens.
  setMaxListeners(0, stopping.signal);
  const loops: Promise<void>[] = [];
  const invoker = createInvoker(app, log, settings.functionTimeout, stopping.signal);
  const triggerHost: TriggerHost = {
    invoker,
    settings,
    log,
    env: options.env,
    stopping: stopping.signal,
    run: (loop) => {
      loops.push(loop());
    },
  };
  refuseSharedLeases(app, options.env);
  const isHttp = (fn: AppFunction) => fn.trigger.type === "httpTrigger";
  const triggers = new Map<AppFunction, Trigger>();
  for (const fn of app.functions) if (!isHttp(fn)) triggers.set(fn, await createTrigger(fn, triggerHost, options));
  const server = createHttpServer({
    functions: app.functions.filter(isHttp),
    invoker,
    settings,
    bodyLimit: Number(options.env["FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"] ?? 104_857_600),
    httpUri: app.httpUri,
    admin: createAdmin(triggers, log),
    eventGrid: createEventGridWebhook(triggers),
  });
  const appHooks = { hookData: {}, appHookData: invoker.appHookData, functionAppDirectory: options.appDir };
  await app.core.runHooks("appStart", appHooks);
  const port = await listen(server, options.port, "API");
  try {
    for (const [fn, trigger] of triggers) if (!fn.disabled) await trigger.start();
  } catch (error) {
    stopping.abort();
    await stop(server);
    throw error;
  }

  return {
    url: `http://127.0.0.1:${port}`,
    functions: app.functions.map(({ name, file, trigger, disabled }) => ({
      name,
      file,
      trigger: trigger.type,
      disabled,
    })),
    close: async () => {
      stopping.abort();
      const stopped = stop(server);
      const patience = options.drain ?? 10_000;
      const left = await invoker.drain(patience);
      if (left > 0) log.host("warning", `${left} functions were still running when the host stopped.`);
      // What a trigger still has to write after its function, such as a receipt.
      else await Promise.race([Promise.all(loops), delay(patience, undefined, { ref: false })]);
      await app.core.runHooks("appTerminate", appHooks);
      await stopped;
    },
  };
}

/** Loads an Azure SDK only for an app that has a trigger which needs it. */
async function createTrigger(fn: AppFunction, host: TriggerHost, options: HostOptions): Promise<Trigger> {
  switch (fn.trigger.type) {
    case "queueTrigger": {
      const { createQueueTrigger } = await import("./queue.ts");
      const { onQueueMessage, messageLock = 30 } = options;
      return createQueueTrigger(fn, host, { onQueueMessage, messageLock });
    }
    case "blobTrigger": {
      const { createBlobTrigger } = await import("./blob.ts");
      const { onBlobCreated, blobScan = 60_000 } = options;
      return createBlobTrigger(fn, host, { onBlobCreated, blobScan });
    }
    case "timerTrigger":
      return createTimerTrigger(fn, host);
    case "eventGridTrigger":
      return createEventGridTrigger(fn, host);
    case "cosmosDBTrigger": {
      const { createChangeFeedTrigger } = await import("./changeFeed.ts");
      return createChangeFeedTrigger(fn, host, { instance: options.instance ?? "local" });
    }
    default:
      throw new LocalError(`The local host has no ${fn.trigger.type}, which the function ${fn.name} uses.`);
  }
}

/** Azure would give each of two functions with one lease a part of the changes. */
function refuseSharedLeases(app: App, env: HostOptions["env"]): void {
  const owners = new Map<string, string>();
  for (const fn of app.functions.filter(({ trigger }) => trigger.type === "cosmosDBTrigger")) {
    const id = `${String(fn.trigger["leaseContainerName"])} ${leaseId(fn, endpointOf(fn, "accountEndpoint", env))}`;
    const other = owners.get(id);
    if (other !== undefined)
      throw new LocalError(`The functions ${other} and ${fn.name} share a lease: give each a leaseContainerPrefix.`);
    owners.set(id, fn.name);
  }
}
