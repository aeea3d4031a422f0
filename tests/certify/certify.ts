import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { promisify } from "node:util";
import { type FoundStack, bootStack, findStack } from "../../local/demo/runningStack.ts";
import { dim, heading, mark, print } from "../../local/demo/screen.ts";
import { LocalError } from "../../local/service.ts";
import { MissingTool } from "../../shared/media/tools.ts";
import { toJson } from "../../shared/web/json.ts";
import { operations } from "../support/contracts.ts";
import type { StackDescription } from "../support/stack.ts";
import { useStack } from "../support/stackUnderTest.ts";
import { logSize } from "./appLog.ts";
import { canaryOf, newCanaryTenant } from "./canaries.ts";
import { type Statement, canonicalBytes, resultOf, sectionStatement, thumbprint, verified } from "./certificate.ts";
import { firstRefusals } from "./guard.ts";
import { Section } from "./ledger.ts";
import { type CertifyOptions, help, parseOptions } from "./options.ts";
import { certificatePage } from "./page.ts";
import { Random } from "./random.ts";
import { Run } from "./run.ts";
import { showProgress, showResult, showSection } from "./screen.ts";
import { endedByGuard, runParts, sectionNames } from "./sections.ts";
import { signInVault } from "./vaultKey.ts";

const project = resolve(import.meta.dirname, "..", "..");

try {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) print(help);
  else if (options.verify !== undefined) process.exitCode = await verify(options.verify);
  // What still waits for an answer that the guard has made impossible must not keep this program.
  else process.exit(await certify(options));
} catch (error) {
  print();
  console.error(sentence(error));
  process.exit(2);
}

/** 0 where nothing came through and enough was tried, else 1. */
async function certify(options: CertifyOptions): Promise<0 | 1> {
  const started = performance.now();
  print(`\n${heading("Callpilot: isolation certificate")}  ${dim(`seed ${options.seed}`)}\n`);
  await using stack = await stackFor(options);
  const { description } = stack;
  useStack(description);
  print(`  ${dim(`${description.apiUrl}, ${stack.stays ? "which was running" : "booted for this"}`)}\n`);
  const sections = await attack(description, options);
  const statements = sections.map(sectionStatement);
  const statement: Statement = {
    format: "callpilot-isolation-certificate/1",
    ...(await sources()),
    issuedAt: new Date().toISOString(),
    seconds: Math.round((performance.now() - started) / 100) / 10,
    seed: options.seed,
    stack: {
      api: description.apiUrl,
      environment: "local",
      operations: options.functions.length,
      functions: description.functions.length,
      node: process.version,
    },
    scope: isWhole(options) ? "whole" : "part",
    result: resultOf(statements),
    sections: statements,
  };
  await issue(statement, description, resolve(options.out));
  return statement.result === "isolated" ? 0 : 1;
}

/** All that was asked for; or what the guard stopped, where that makes it impossible. */
async function attack(stack: StackDescription, options: CertifyOptions): Promise<readonly Section[]> {
  const logStart = await logSize(stack.dataDir);
  const random = new Random(options.seed);
  const ready = new AbortController();
  const refused = firstRefusals(stack.dataDir, logStart, ready.signal);
  const tenants = await Promise.race([
    newTenants(random, options.only.includes("canaries")),
    refused.then(endedByGuard, () => undefined),
  ]);
  ready.abort();
  if (tenants instanceof Section) {
    showSection(sectionStatement(tenants));
    return [tenants];
  }
  if (tenants === undefined) throw new TypeError("the guard was not waited for");
  const run = new Run(stack, {
    ...{ tenants, random, logStart },
    operations: operations.filter(({ name }) => options.functions.includes(name)),
  });
  return await runParts(run, options.only, {
    onProgress: showProgress,
    onEnd: (section) => {
      showSection(sectionStatement(section));
    },
  });
}

async function newTenants(random: Random, filled: boolean): Promise<Run["tenants"]> {
  const words = [canaryOf(random), canaryOf(random)] as const;
  return await Promise.all([newCanaryTenant(words[0], filled), newCanaryTenant(words[1], filled)]);
}

function isWhole({ only, functions }: CertifyOptions): boolean {
  return only.length === sectionNames.length && functions.length === operations.length;
}

/** The stack of the data folder, or one of its own for as long as it takes. */
async function stackFor({ data }: CertifyOptions): Promise<FoundStack<StackDescription>> {
  const dataDir = resolve(data);
  const found = await findStack<StackDescription>(dataDir);
  if (found !== undefined) return { ...found, description: { ...found.description, dataDir } };
  print(`  ${dim("no stack is running: booting one …")}`);
  const folder = await mkdtemp(join(tmpdir(), "callpilot-certify-"));
  const own = await bootStack<StackDescription>(folder, { port: 0, args: ["--no-seed"] });
  return {
    ...own,
    description: { ...own.description, dataDir: folder },
    [Symbol.asyncDispose]: async () => {
      await own[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function issue(statement: Statement, { vaultUrl }: StackDescription, out: string): Promise<void> {
  const { signature, key } = await signInVault(vaultUrl, canonicalBytes(statement));
  const certificate = { statement, key, signature };
  const [json, page] = ["json", "html"].map((extension) => join(out, `isolation-certificate.${extension}`));
  if (json === undefined || page === undefined) throw new TypeError("a certificate has two files");
  await mkdir(out, { recursive: true });
  await writeFile(json, `${toJson(certificate)}\n`);
  await writeFile(page, certificatePage(certificate).markup);
  showResult(statement);
  print(`    ${dim("certificate")}  ${relative(process.cwd(), json)}`);
  print(`    ${dim("to read")}      ${relative(process.cwd(), page)}`);
  print(`    ${dim("key")}          ${key.kid}, ${thumbprint(key)}\n`);
}

async function sources(): Promise<Pick<Statement, "version" | "commit">> {
  const { version } = JSON.parse(await readFile(join(project, "package.json"), "utf8")) as { version: string };
  const git = async (...args: readonly string[]) => {
    const { stdout } = await promisify(execFile)("git", args, { cwd: project });
    return stdout.trim();
  };
  try {
    const changed = (await git("status", "--porcelain")) === "" ? "" : "+";
    return { version, commit: `${await git("rev-parse", "HEAD")}${changed}` };
  } catch {
    // A package without its history has no commit to name.
    return { version };
  }
}

/** 0 where the certificate is as it was signed and certifies isolation, 1 where it says something else. */
async function verify(file: string): Promise<0 | 1> {
  const certificate = verified(await textOf(file));
  if ("fault" in certificate) {
    print(`  ${mark(false)} ${file}: ${certificate.fault}`);
    return 1;
  }
  const { statement, key } = certificate;
  print(`  ${file} is as it was signed on ${statement.issuedAt}`);
  print(`  by the key ${key.kid}, ${thumbprint(key)}:`);
  print(`  compare that with what the vault of the one who gave it to you says.`);
  showResult(statement);
  return statement.result === "isolated" ? 0 : 1;
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new LocalError(`${file} cannot be read.`, { cause: error });
  }
}

/** What went wrong and what to do about it; of a fault of this program everything that is known. */
function sentence(error: unknown): unknown {
  if (error instanceof LocalError || error instanceof MissingTool) return `callpilot: ${error.message}`;
  if (error instanceof TypeError && error.cause instanceof Error)
    return "callpilot: The stack stopped answering: start it with npm start, then run this again.";
  return error;
}
