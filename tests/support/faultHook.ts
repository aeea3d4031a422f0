import { AsyncLocalStorage } from "node:async_hooks";

/**
 * `before`: the process dies before the call. `after`: it dies when the call has been made. `lost`: the call was made and
 * its answer got lost on the way, which the code may notice and handle. `overtaken`: the same work is done from beginning
 * to end by somebody else before the call.
 */
export const faultModes = ["before", "after", "lost", "overtaken"] as const;
export type FaultMode = (typeof faultModes)[number];

/** One way in which a run can be struck. */
export interface Strike {
  readonly site: string;
  /** Which time that the run comes to the site, from 1. */
  readonly time: number;
  readonly mode: FaultMode;
}

export interface Fault extends Strike {
  readonly overtake: () => Promise<unknown>;
}

/** When a run can die: before a call, or after it. */
export interface Moment extends Strike {
  readonly mode: "before" | "after";
  /** Place of the call in {@link Run.hits}. */
  readonly hit: number;
}

export interface Run<T> {
  /** The sites that were reached, in their order. */
  readonly hits: readonly string[];
  /** In their order. */
  readonly moments: readonly Moment[];
  readonly end: { readonly value: T } | { readonly error: unknown } | "died";
}

interface Current {
  readonly fault: Fault | undefined;
  readonly hits: string[];
  readonly moments: Moment[];
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
    moments: [],
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
  return { end: await Promise.race([death, life]), hits: state.hits, moments: state.moments };
}

/**
 * The ways to strike a run at those of its calls that are wanted. Nothing happens between the end of a call and whatever
 * begins or ends next, so to die then is one way, of which call it is told.
 */
export function strikesOf(moments: readonly Moment[], wanted: (moment: Moment) => boolean): Strike[] {
  let struck = false;
  return moments.flatMap((moment) => {
    const modes: FaultMode[] = [];
    if (wanted(moment)) {
      if (!struck) modes.push(moment.mode);
      if (moment.mode === "before") modes.push("lost", "overtaken");
      struck = true;
    }
    if (moment.mode === "before") struck = false;
    return modes.map((mode) => ({ site: moment.site, time: moment.time, mode }));
  });
}

/** What every instrumented `await` calls. Outside of a run it is the call itself. */
export async function faultSite<T>(site: string, call: () => Promise<T>): Promise<T> {
  const state = current.getStore();
  if (state === undefined) return await call();
  reached.add(site);
  if (state.dead) return await never();
  const hit = state.hits.push(site) - 1;
  const time = state.hits.filter((other) => other === site).length;
  state.moments.push({ site, time, hit, mode: "before" });
  const { fault } = state;
  const mode = fault?.site === site && fault.time === time ? fault.mode : undefined;
  if (mode === "before") return await dying(state);
  if (mode === "overtaken") await current.exit(async () => await fault?.overtake());
  const value = await call();
  state.moments.push({ site, time, hit, mode: "after" });
  if (mode === "after") return await dying(state);
  if (mode === "lost") throw Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
  return isDead(state) ? await never() : value;
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
