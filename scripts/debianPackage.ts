import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

/** Whether apt-get has installed the package: on Debian and Ubuntu, as root, where that may be done without asking. */
export function installPackage(name: string): boolean {
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) return false;
  console.log(`Installing ${name} with apt-get, once …`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const apt = (...args: string[]) =>
    spawnSync("/usr/bin/apt-get", ["-qq", ...args], { env, stdio: "ignore" }).status === 0;
  return apt("update") && apt("install", "-y", "--no-install-recommends", name);
}
