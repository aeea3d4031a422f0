import { spawn } from "node:child_process";
import { skipped } from "./skipped.ts";

/** One thing that must hold before a push; `npm run check` runs them all, `npm run check -- lint` one. */
interface Check {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
}

const folders = ["functions", "shared", "clients", "local", "scripts", "tests"];

/** The longest first, so that the others fill the second core. */
const checks: readonly Check[] = [
  { name: "lint", command: ["node", "scripts/lint.ts"] },
  { name: "types", command: ["tsc"] },
  { name: "format", command: ["prettier", "--check", "--log-level", "warn", "."] },
  {
    name: "floors",
    command: ["depcruise", "--config", ".dependency-cruiser.cjs", "--output-type", "err", ...folders],
  },
  { name: "bicep", command: ["node", "scripts/checkBicep.ts"] },
  { name: "document", command: ["node", "scripts/openapi.ts", "--check"] },
  { name: "unused", command: ["node", "scripts/unused.ts"] },
  { name: "shell", command: ["node", "scripts/shell.ts"] },
  { name: "secrets", command: ["node", "scripts/secrets.ts"] },
  { name: "suppressions", command: ["node", "scripts/suppressions.ts"] },
  { name: "packages", command: ["node", "scripts/packages.ts"] },
  { name: "sbom", command: ["node", "scripts/sbom.ts"] },
  { name: "audit", command: ["node", "scripts/audit.ts"] },
];

const wanted = process.argv.slice(2);
const chosen = checks.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
const unknown = wanted.filter((name) => !checks.some((check) => check.name === name));
if (unknown.length > 0) {
  console.error(`No such check: ${unknown.join(", ")}. There are: ${checks.map(({ name }) => name).join(", ")}`);
  process.exit(1);
}

const count = { hold: 0, fail: 0, skipped: 0 };
const waiting = chosen.values();
await Promise.all([work(), work()]);
console.log(`${count.hold} checks hold, ${count.fail} do not, ${count.skipped} skipped`);
process.exitCode = count.fail === 0 ? 0 : 1;

async function work(): Promise<void> {
  for (const check of waiting) {
    const started = performance.now();
    const { code, output } = await run(check);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    const said = output.trimEnd();
    if (code === 0) {
      count.hold++;
      console.log(`✓ ${check.name} (${seconds} s)${said === "" ? "" : `: ${said.split("\n").at(-1) ?? ""}`}`);
    } else if (code === skipped) {
      count.skipped++;
      console.log(`SKIPPED ${check.name} (${seconds} s): ${said}`);
    } else {
      count.fail++;
      console.log(`✗ ${check.name} (${seconds} s)\n${said}`);
    }
  }
}

async function run({ command: [program, ...args] }: Check): Promise<{ code: number | null; output: string }> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, output };
}
