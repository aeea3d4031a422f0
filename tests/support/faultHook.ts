import { AsyncLocalStorage } from "node:async_hooks";

/**
 * `before`: the process dies before the call. `after`: it dies when the call has been made. `lost`: the call was made and
 * its answer got lost on the way, which the code may notice and handle. `overtaken`: the same work is done from beginning
 * to end by somebody else before the call.
 */
export const faultModes = ["before", "after", "lost", "overtaken"] as const;
export type FaultMode = (typeof faultModes)[number];

export interface Fault {
  readonly site: string;
  /** Which time that the run comes to the site, from 1. */
  readonly time: number;
  readonly mode: FaultMode;
  readonly overtake: () => Promise<unknown>;
}

export interface Run<T> {
  /** The sites that were reached, in their order. */
  readonly hits: readonly string[];
  readonly end: { readonly value: T } | { readonly error: unknown } | "died";
}

interface Current {
  readonly fault: Fault | undefined;
  readonly hits: string[];
  dead: boolean;
  readonly die: () => void;
}

const current = new AsyncLocalStorage<Current>();
const reached = new Set<string>();

/** All sites that runs have reached since the process started. */
export function reachedSites(): ReadonlySet<string> {
  return reached;
}

/** Does the work once, with a fault if one is planned. What a dead process had still to do is never done. */
export async function run<T>(work: () => Promise<T>, fault?: Fault): Promise<Run<T>> {
  const { promise: death, resolve: die } = Promise.withResolvers<"died">();
  const state: Current = {
    fault,
    hits: [],
    dead: false,
    die: () => {
      state.dead = true;
      die("died");
    },
  };
  const life = current.run(state, work).then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  return { end: await Promise.race([death, life]), hits: state.hits };
}

/** What every instrumented `await` calls. Outside of a run it is the call itself. */
export async function faultSite<T>(site: string, call: () => Promise<T>): Promise<T> {
  const state = current.getStore();
  if (state === undefined) return await call();
  reached.add(site);
  if (state.dead) return await never();
  state.hits.push(site);
  const mode = modeAt(site, state);
  if (mode === "before") return await dying(state);
  if (mode === "overtaken") await current.exit(async () => await state.fault?.overtake());
  const value = await call();
  if (mode === "after") return await dying(state);
  if (mode === "lost") throw Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
  return isDead(state) ? await never() : value;
}

function modeAt(site: string, { fault, hits }: Current): FaultMode | undefined {
  if (fault?.site !== site) return undefined;
  return hits.filter((hit) => hit === site).length === fault.time ? fault.mode : undefined;
}

/** Also while the call was made, by something that runs beside it. */
function isDead(state: Current): boolean {
  return state.dead;
}

async function dying(state: Current): Promise<never> {
  state.die();
  return await never();
}

/** A dead process runs neither `catch` nor `finally`. */
function never(): Promise<never> {
  return new Promise(() => undefined);
}
