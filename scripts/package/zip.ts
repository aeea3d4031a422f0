import { type Zippable, zipSync } from "fflate";
import type { Contents } from "./contents.ts";

/** The first time that a zip can tell, in the zone that it is read in. */
const noTime = new Date(1980, 0, 1);
const unix = 3;

/** A zip whose bytes depend on nothing but what is in it: sorted, with one time and two modes. */
export function zipped(contents: Contents): Uint8Array {
  const paths = [...contents.keys()].toSorted();
  const files: Zippable = {};
  for (const path of paths) {
    const { bytes, executable } = contents.get(path) ?? { bytes: new Uint8Array() };
    const mode = executable === true ? 0o100_755 : 0o100_644;
    // Of 32 bits, the upper half is the mode; a shift would make it negative.
    files[path] = [bytes, { level: 9, mtime: noTime, os: unix, attrs: mode * 2 ** 16 }];
  }
  return zipSync(files);
}
