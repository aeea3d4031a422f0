import { spawn } from "node:child_process";

const folders = ["tenancy", "auth", "protection"] as const;

/** Runs `npm run mutation [folder…]`: mutation tests of the folders, one after the other. Fails below 90 % in any. */
async function main(asked: readonly string[]): Promise<void> {
  for (const folder of asked.length === 0 ? folders : asked) {
    console.log(`shared/${folder}`);
    const code = await mutate(folder);
    if (code !== 0) process.exitCode = 1;
  }
}

function mutate(folder: string): Promise<number | null> {
  const child = spawn("nice", ["-n", "19", "stryker", "run", "tests/mutation/stryker.config.js"], {
    env: { ...process.env, MUTATED_FOLDER: folder },
    stdio: "inherit",
  });
  return new Promise((resolve) => child.once("exit", resolve));
}

await main(process.argv.slice(2));
