import { randomInt, randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { App, AppFunction } from "./app.ts";
import type { CoreContext, InvocationResponse, RetryContext, RetryOptions, TypedData } from "./core.ts";
import { type HostLog, describe } from "./log.ts";

/** One event for a function. */
export interface Delivery {
  readonly data: TypedData;
  readonly metadata?: Readonly<Record<string, TypedData>>;
  readonly invocationId?: string;
  readonly retry?: RetryContext;
}

export interface Invoker {
  /** Shared by all hooks of the app. */
  readonly appHookData: Record<string, unknown>;
  /** Runs the function and its hooks once. Throws what the function throws, after logging it, or its timeout. */
  invoke(fn: AppFunction, delivery: Delivery): Promise<InvocationResponse>;
  /** As `invoke`, repeated by the function's retry policy, if it has one. Throws {@link HostStopping} when cut short. */
  invokeWithRetries(fn: AppFunction, delivery: Delivery): Promise<InvocationResponse>;
  /** Waits until nothing runs, at most `milliseconds`; the number of functions that still do. */
  drain(milliseconds: number): Promise<number>;
}

/** The host stops before the event was dealt with: it must be delivered again. */
export class HostStopping extends Error {
  override readonly name = "HostStopping";
}

/** Waits; at once over when the host stops. */
export async function pause(milliseconds: number, stopping: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal: stopping }).catch(() => undefined);
}

export function createInvoker(app: App, log: HostLog, timeout: number, stopping: AbortSignal): Invoker {
  const running = new Set<Promise<unknown>>();
  const appHookData: Record<string, unknown> = {};

  const run = async (fn: AppFunction, delivery: Delivery, invocationId: string) => {
    const context: CoreContext = {
      invocationId,
      request: {
        invocationId,
        inputData: [{ name: fn.trigger.name, data: delivery.data }],
        triggerMetadata: delivery.metadata ?? {},
        ...(delivery.retry !== undefined && { retryContext: delivery.retry }),
      },
      metadata: fn.metadata,
      state: undefined,
      log: (level, category, message) => {
        if (category === "user") log.user(fn.name, invocationId, level, message);
        else log.host(level, message, fn.name, invocationId);
      },
    };
    const model = await app.model.getInvocationModel(context);
    const { context: invocationContext, inputs } = await model.getArguments();
    const shared = { hookData: {}, appHookData, invocationContext };
    const before = { ...shared, inputs, functionCallback: fn.callback };
    context.state = "preInvocationHooks";
    await app.core.runHooks("preInvocation", before);
    context.state = "invocation";
    const outcome = await settle(model.invokeFunction(invocationContext, before.inputs, before.functionCallback));
    const after = { ...shared, inputs: before.inputs, ...outcome };
    context.state = "postInvocationHooks";
    await app.core.runHooks("postInvocation", after);
    context.state = undefined;
    if (after.error !== null && after.error !== undefined) throw errorOf(after.error);
    return model.getResponse(invocationContext, after.result);
  };

  const invoke = async (fn: AppFunction, delivery: Delivery) => {
    const invocationId = delivery.invocationId ?? randomUUID();
    const invocation = withTimeout(run(fn, delivery, invocationId), timeout);
    running.add(invocation);
    try {
      return await invocation;
    } catch (error) {
      log.host("error", `Failed: ${describe(error)}`, fn.name, invocationId);
      throw error;
    } finally {
      running.delete(invocation);
    }
  };

  const invokeWithRetries = async (fn: AppFunction, delivery: Delivery) => {
    const policy = fn.metadata.retryOptions;
    if (policy === undefined) return invoke(fn, delivery);
    let retry: RetryContext = { retryCount: 0, maxRetryCount: policy.maxRetryCount };
    for (;;) {
      try {
        return await invoke(fn, { ...delivery, retry });
      } catch (error) {
        if (policy.maxRetryCount !== -1 && retry.retryCount >= policy.maxRetryCount) throw error;
        await pause(retryDelay(policy, retry.retryCount), stopping);
        if (stopping.aborted) throw new HostStopping("stopped between two attempts", { cause: error });
        const message = error instanceof Error ? error.message : String(error);
        retry = { ...retry, retryCount: retry.retryCount + 1, exception: { message } };
      }
    }
  };

  const drain = async (milliseconds: number) => {
    const deadline = Date.now() + milliseconds;
    while (running.size > 0 && Date.now() < deadline) await delay(10);
    return running.size;
  };

  return { appHookData, invoke, invokeWithRetries, drain };
}

/** Milliseconds before the retry after `retryCount` others; the host adds up to a fifth at random to exponential ones. */
function retryDelay(policy: RetryOptions, retryCount: number): number {
  const least = 100;
  if (policy.retryStrategy === "fixedDelay") return Math.max(least, (policy.delayInterval?.seconds ?? 0) * 1000);
  const minimum = (policy.minimumInterval?.seconds ?? 0) * 1000;
  const maximum = (policy.maximumInterval?.seconds ?? 0) * 1000;
  const exponential = minimum * 2 ** retryCount * (1 + randomInt(200) / 1000);
  return Math.max(least, minimum, Math.min(exponential, maximum));
}

/** Functions may throw anything. */
function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(`threw ${String(thrown)}`, { cause: thrown });
}

/** Hooks after the invocation see, and may change, its result and its error. */
async function settle(invocation: Promise<unknown>): Promise<{ result: unknown; error: unknown }> {
  try {
    return { result: await invocation, error: null };
  } catch (error) {
    return { result: null, error };
  }
}

/** The function itself cannot be stopped and may still write; its outcome counts as a failure. */
async function withTimeout<T>(work: Promise<T>, milliseconds: number): Promise<T> {
  if (milliseconds === Infinity) return work;
  const over = new AbortController();
  const timeout = delay(milliseconds, undefined, { signal: over.signal }).then(() => {
    throw new Error(`ran longer than functionTimeout, ${milliseconds / 1000} s`);
  });
  timeout.catch(() => undefined);
  try {
    return await Promise.race([work, timeout]);
  } finally {
    over.abort();
  }
}
