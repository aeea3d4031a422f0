import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import { installPackage } from "../../scripts/debianPackage.ts";

const programs = ["curl", "jq"];

/**
 * Runs a script that uses curl and jq, which are installed where that may be done without asking. Throws where one is
 * missing, and where any command of the script fails.
 */
export async function shell(script: string, env: Readonly<Record<string, string>>): Promise<string> {
  for (const name of programs)
    if (!existsSync(`/usr/bin/${name}`) && !installPackage(name))
      throw new Error(`${name} is missing: install it, on Debian with \`sudo apt-get install ${name}\`.`);
  const options = { env: { PATH: "/usr/bin:/bin", ...env }, timeout: 60_000 };
  return (await promisify(execFile)("/bin/bash", ["-euo", "pipefail", "-c", script], options)).stdout;
}
