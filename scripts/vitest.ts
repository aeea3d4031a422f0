import { spawn } from "node:child_process";

/** Runs those tests with more in their environment, on this terminal, and ends as they do. Throws where they cannot start. */
export async function runVitest(subjects: readonly string[], env: Readonly<Record<string, string>>): Promise<void> {
  const child = spawn("vitest", ["run", ...subjects], { env: { ...process.env, ...env }, stdio: "inherit" });
  process.exitCode = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      resolve(code ?? 1);
    });
  });
}
