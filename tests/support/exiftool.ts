import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import { installPackage } from "../../scripts/debianPackage.ts";

/** One thing that exiftool found in a file: `group:name` and what it says. */
export interface Finding {
  readonly group: string;
  readonly name: string;
  readonly value: string;
}

const program = "/usr/bin/exiftool";

/** exiftool; installed where that may be done without asking. */
function provideExiftool(): string {
  if (existsSync(program) || (installPackage("libimage-exiftool-perl") && existsSync(program))) return program;
  throw new Error("exiftool is missing: install it, on Debian with `sudo apt-get install libimage-exiftool-perl`.");
}

/**
 * Everything that exiftool finds in each file, by its path: all groups, duplicates, what it does not know, and what is
 * embedded in the media. What it tells of the file's place on this disk is left out.
 */
export async function findingsIn(paths: readonly string[]): Promise<ReadonlyMap<string, readonly Finding[]>> {
  const args = [
    "-json",
    "-a",
    "-u",
    "-G1",
    "-ee",
    "-api",
    "LargeFileSupport=1",
    "--system:all",
    "--exiftool:all",
    ...paths,
  ];
  const { stdout } = await promisify(execFile)(provideExiftool(), args, { maxBuffer: 64 * 1024 * 1024 });
  const files = JSON.parse(stdout) as (Record<string, unknown> & { readonly SourceFile: string })[];
  return new Map(
    files.map(({ SourceFile: path, ...found }) => [
      path,
      Object.entries(found).map(([key, value]) => {
        const [group = "", name = ""] = key.split(":");
        return { group, name, value: String(value) };
      }),
    ]),
  );
}
