import { mkdir, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ulid } from "ulid";

/** Where videos are worked on, one folder for each attempt: `<what its lease is on>.<process>.<start of it>.<attempt>`. */
export const workRoot = () => join(tmpdir(), "callpilot-work");

const processStart = String(Math.round(performance.timeOrigin));

/** Does an attempt in a new, empty folder, which goes with it. The caller holds the lease on the subject. */
export async function inWorkFolder<T>(subject: string, attempt: (folder: string) => Promise<T>): Promise<T> {
  await removeDeadFolders(subject);
  const folder = join(workRoot(), `${subject}.${process.pid}.${processStart}.${ulid()}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    return await attempt(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Removes what dead attempts left: those of processes that are no more, and all of this subject, whose lease the
 * caller holds.
 */
export async function removeDeadFolders(subject: string): Promise<void> {
  await mkdir(workRoot(), { recursive: true, mode: 0o700 });
  for (const name of await readdir(workRoot())) {
    const [of, pid, start] = name.split(".");
    if (of === subject || !isAlive(Number(pid), start))
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
