import { execFile } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { lazyResult } from "../lazy.ts";

type CommandLine = readonly [program: string, ...args: string[]];

/** What stands in front of a tool's command line, and what it takes from the tool beyond the limits. */
export interface Confinement {
  /** For the log: an operator is to see what videos are opened with. */
  readonly name: "namespaces" | "no_network" | "no_capabilities" | "no_new_rights" | "none";
  readonly command: CommandLine;
  /** No network: not even this machine's own. */
  readonly offline: boolean;
  /** No other process is visible, and none outlives the tool. */
  readonly alone: boolean;
}

/** Neither a set-user-id program nor anything else gives it rights, and where it ran as root it keeps none of root's. */
const powerless: CommandLine = ["/usr/bin/setpriv", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"];
const offline: CommandLine = ["/usr/bin/unshare", "--user", "--map-current-user", "--net", "--ipc"];

/**
 * From the strongest to none. Namespaces of its own (user_namespaces(7)) need no rights, but containers often forbid them;
 * limits, the empty environment and ffmpeg's own lists do not depend on them.
 */
const ladder: readonly Confinement[] = [
  {
    name: "namespaces",
    command: [...offline, "--pid", "--fork", "--kill-child", "--mount-proc", ...powerless],
    offline: true,
    alone: true,
  },
  { name: "no_network", command: [...offline, ...powerless], offline: true, alone: false },
  { name: "no_capabilities", command: powerless, offline: false, alone: false },
  // Only root has rights to give up.
  { name: "no_new_rights", command: ["/usr/bin/setpriv", "--no-new-privs"], offline: false, alone: false },
  { name: "none", command: ["/usr/bin/env"], offline: false, alone: false },
];

/** The strongest confinement that this machine allows, found out once. Throws where nothing can be started just now. */
export const confinement = lazyResult(() => strongest(ladder));

/** The first that works. A machine that is short of something for a moment is no reason to be content with less for good. */
export async function strongest<T extends Pick<Confinement, "command">>(steps: readonly T[]): Promise<T> {
  for (const step of steps) if ((await works(step)) || (await delay(500).then(() => works(step)))) return step;
  throw new Error("not even /bin/sh can be run");
}

async function works({ command }: Pick<Confinement, "command">): Promise<boolean> {
  const [program, ...args] = command;
  try {
    await promisify(execFile)(program, [...args, "/bin/sh", "-c", "true"], { env: {} });
    return true;
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    // Told by its exit code, it was refused; by an error of the system, it was never tried, unless there is no such program.
    if (typeof code === "string" && code !== "ENOENT") throw error;
    return false;
  }
}
