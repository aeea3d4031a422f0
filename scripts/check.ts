import { spawn } from "node:child_process";

/** One thing that must hold before a push; `npm run check` runs them all. */
interface Check {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
}

const checks: readonly Check[] = [
  { name: "types", command: ["tsc"] },
  { name: "lint", command: ["node", "scripts/lint.ts"] },
  { name: "format", command: ["prettier", "--check", "--log-level", "warn", "."] },
  {
    name: "floors",
    command: [
      "depcruise",
      "--config",
      ".dependency-cruiser.cjs",
      "--output-type",
      "err",
      "functions",
      "shared",
      "local",
      "scripts",
      "tests",
    ],
  },
  { name: "API document", command: ["node", "scripts/openapi.ts", "--check"] },
];

let failed = 0;
for (const check of checks) {
  const started = performance.now();
  const { code, output } = await run(check);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${code === 0 ? "✓" : "✗"} ${check.name} (${seconds} s)`);
  if (code === 0) continue;
  failed++;
  console.log(output.trimEnd());
}
console.log(`${checks.length - failed} checks hold, ${failed} do not`);
process.exitCode = failed === 0 ? 0 : 1;

async function run({ command: [program, ...args] }: Check): Promise<{ code: number | null; output: string }> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, output };
}
