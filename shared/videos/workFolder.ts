import { mkdir, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ulid } from "ulid";

/** Where videos are worked on, one folder for each attempt: `<video>.<process>.<start of the process>.<attempt>`. */
export const workRoot = () => join(tmpdir(), "callpilot-work");

const processStart = String(Math.round(performance.timeOrigin));

/** A new, empty folder. Whoever made it removes it. */
export async function makeWorkFolder(videoId: string): Promise<string> {
  const folder = join(workRoot(), `${videoId}.${process.pid}.${processStart}.${ulid()}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/**
 * Removes what dead attempts left: those of processes that are no more, and all of this video, whose lease the caller
 * holds.
 */
export async function removeDeadFolders(videoId: string): Promise<void> {
  await mkdir(workRoot(), { recursive: true, mode: 0o700 });
  for (const name of await readdir(workRoot())) {
    const [video, pid, start] = name.split(".");
    if (video === videoId || !isAlive(Number(pid), start))
      await rm(join(workRoot(), name), { recursive: true, force: true });
  }
}

/** A process id comes again after a restart, in a container even at once; the start of the process does not. */
function isAlive(pid: number, start: string | undefined): boolean {
  if (pid === process.pid) return start === processStart;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
