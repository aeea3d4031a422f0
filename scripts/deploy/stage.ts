import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { az } from "./az.ts";
import { type Place, addressOf, apps, codeOf, namesOf, runCode } from "./place.ts";
import { smoke } from "./smoke.ts";

/** The package whose bytes are those of its digest. Throws where they are not: nothing is deployed then. */
export async function verified(file: string, digestFile: string): Promise<{ readonly sha256: string }> {
  const [zip, digest] = await Promise.all([readFile(file), readFile(digestFile, "utf8")]);
  const sha256 = createHash("sha256").update(zip).digest("hex");
  if (digest.split(" ", 1)[0] !== sha256)
    throw new Error(`${file} is not what ${digestFile} says: nothing was deployed`);
  return { sha256 };
}

/**
 * Puts the package into the staging slots of both apps: under its own hash, so that what is there already is neither sent
 * nor set again. Then the api's slot has to answer; the worker's is asked by the platform itself before a swap. The very
 * first code cannot answer yet.
 */
export async function stage(
  place: Place,
  packageFile: string,
  digestFile: string,
  seconds: number,
  say: (line: string) => void,
): Promise<void> {
  const { sha256 } = await verified(packageFile, digestFile);
  const names = await namesOf(place);
  const blob = ["--account-name", names.packageAccount, "--container-name", "packages", "--name", `${sha256}.zip`];
  const asMe = ["--auth-mode", "login"];
  const { exists } = await az<{ readonly exists: boolean }>(["storage", "blob", "exists", ...blob, ...asMe]);
  if (exists) say("the package is there already");
  else await az(["storage", "blob", "upload", ...blob, ...asMe, "--file", packageFile, "--if-none-match", "*"]);
  const url = `https://${names.packageAccount}.blob.core.windows.net/packages/${sha256}.zip`;
  for (const app of apps) {
    if ((await codeOf(place, names[app], "staging")) === url) {
      say(`${app}: the slot runs it already`);
      continue;
    }
    await runCode(place, names[app], "staging", url);
    say(`${app}: staged`);
  }
  if ((await codeOf(place, names.api, "production")) === "1") {
    say("nothing is live yet, and only what is live makes the first keys: swap, which looks whether it answers");
    return;
  }
  await smoke(await addressOf(place, names.api, "staging"), seconds);
  say("the staging slot answers");
}
