import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { lazyResult } from "../lazy.ts";

type CommandLine = readonly [program: string, ...args: string[]];

/** What stands in front of a tool's command line, and what it takes from the tool beyond the limits. */
export interface Confinement {
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
    command: [...offline, "--pid", "--fork", "--kill-child", "--mount-proc", ...powerless],
    offline: true,
    alone: true,
  },
  { command: [...offline, ...powerless], offline: true, alone: false },
  { command: powerless, offline: false, alone: false },
  // Only root has rights to give up.
  { command: ["/usr/bin/setpriv", "--no-new-privs"], offline: false, alone: false },
  { command: ["/usr/bin/env"], offline: false, alone: false },
];

/** The strongest confinement that this machine allows, found out once. Throws where nothing can be started just now. */
export const confinement = lazyResult(async (): Promise<Confinement> => {
  for (const step of ladder) if (await works(step)) return step;
  throw new Error("not even /bin/sh can be run");
});

async function works({ command }: Confinement): Promise<boolean> {
  const [program, ...args] = command;
  try {
    await promisify(execFile)(program, [...args, "/bin/sh", "-c", "true"], { env: {} });
    return true;
  } catch {
    return false;
  }
}
