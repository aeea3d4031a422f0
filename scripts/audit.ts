import { spawnSync } from "node:child_process";
import { skipped } from "./skipped.ts";

interface Answer {
  readonly metadata?: { readonly vulnerabilities: Readonly<Record<string, number>> };
  /** What went wrong instead, with the address after a dash. */
  readonly message?: string;
}

/** Asks the registry for known vulnerabilities of what is locked. Not every registry answers, and none does offline. */
function audit(): void {
  const { stdout } = spawnSync("npm", ["audit", "--json", "--fetch-retries=0", "--fetch-timeout=20000"], {
    encoding: "utf8",
  });
  const answer = JSON.parse(stdout === "" ? "{}" : stdout) as Answer;
  const counts = answer.metadata?.vulnerabilities;
  if (counts === undefined) {
    console.log(`the registry does not answer: ${answer.message?.split(" - ")[0] ?? "it cannot be reached"}`);
    process.exitCode = skipped;
    return;
  }
  const { total = 0, ...bySeverity } = counts;
  console.log(`${total} known vulnerabilities ${JSON.stringify(bySeverity)}: npm audit tells more`);
  process.exitCode = total === 0 ? 0 : 1;
}

audit();
