import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";

/** Everything that is or may be committed, by its path in the project. */
export function projectFiles(): string[] {
  return execFileSync("git", ["ls-files", "-co", "--exclude-standard"], { encoding: "utf8" })
    .split("\n")
    .filter((file) => file !== "" && existsSync(file));
}
