import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { unzipSync } from "fflate";
import { appFolderVariable } from "../../tests/support/stack.ts";
import { runVitest } from "../vitest.ts";

/**
 * Runs the journeys against what `npm run package` made, unpacked into a folder with nothing else near. As where it is
 * mounted, no file is executable.
 */
const zip = join(import.meta.dirname, "..", "..", "package", "callpilot.zip");
const folder = await mkdtemp(join(tmpdir(), "callpilot-package-"));
try {
  for (const [path, bytes] of Object.entries(unzipSync(await readFile(zip)))) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
  await runVitest(["tests/journeys"], { [appFolderVariable]: folder });
} catch (error) {
  if ((error as NodeJS.ErrnoException).path !== zip) throw error;
  console.error("package: nothing is packed yet: npm run package");
  process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
