import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { recordDirVariable } from "../../local/cosmos/recorder.ts";
import { startStackProcess } from "../support/stack.ts";
import { type Certificate, verified } from "./certificate.ts";
import type { Violation } from "./ledger.ts";
import { type PlantedFault, buildWithFault, plantedFaults } from "./plantedFaults.ts";

let folder: string;
beforeAll(async () => {
  // What a stack does that has a fault in it is no part of the test run's record.
  Reflect.deleteProperty(process.env, recordDirVariable);
  folder = await mkdtemp(join(tmpdir(), "callpilot-certify-test-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function certify(...args: readonly string[]): Promise<Ended> {
  const child = spawn(process.execPath, ["tests/certify/certify.ts", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, stdout, stderr };
}

const running = () => ["--data", inject("stack").dataDir];
const certificateIn = (out: string) => join(out, "isolation-certificate.json");

describe("npm run certify", () => {
  test("finds nothing in a sound stack, and signs that", { timeout: 120_000 }, async () => {
    const out = join(folder, "sound");
    const ended = await certify(...running(), "--only", "tokens,cursors,grants", "--out", out, "--seed", "fixed");
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    const certificate = verified(await readFile(certificateIn(out), "utf8")) as Certificate;
    expect(certificate.statement).toMatchObject({ result: "isolated", scope: "part", seed: "fixed" });
    expect(certificate.statement.sections.map(({ name }) => name)).toEqual(["tokens", "cursors", "grants"]);
    const page = await readFile(join(out, "isolation-certificate.html"), "utf8");
    expect(page).toContain("Nothing came through");
    expect(page).toContain(certificate.signature.value);
    expect(page).toContain("nobody can call those from outside");
    const {
      tokens = 0,
      cursors = 0,
      grants = 0,
    } = Object.fromEntries(
      certificate.statement.sections.map(({ name, counts }) => [
        name,
        Object.entries(counts).reduce((sum, [what, count]) => sum + (what.includes("refused") ? count : 0), 0),
      ]),
    );
    expect(page).toContain(`<b>${tokens + cursors + grants}</b><span>attempts that were refused as promised</span>`);
    expect(page).toContain("<b>0</b><span>attempts that were answered as if");

    const checked = await certify("--verify", certificateIn(out));
    expect(checked).toMatchObject({ code: 0, stderr: "" });
    expect(checked.stdout).toContain(certificate.key.kid);
  });

  test("certifies nothing where too little was tried", async () => {
    const out = join(folder, "little");
    const ended = await certify(...running(), "--only", "matrix", "--functions", "getTenant", "--out", out);
    expect(ended).toMatchObject({ code: 1, stderr: "" });
    expect(ended.stdout).toContain("Not enough was tried");
    expect(ended.stdout).toContain("at least 3000 are needed");
    expect(await readFile(join(out, "isolation-certificate.html"), "utf8")).not.toContain("Nothing came through");
  });

  test.each([
    ["a count", (text: string) => text.replace(/"cursors refused \(400\)":\d/u, '"cursors refused (400)":9')],
    ["the time", (text: string) => text.replace('"issuedAt":"20', '"issuedAt":"21')],
    ["the signature", (text: string) => text.replace(/"value":"../u, '"value":"AA')],
  ])("notices that %s was changed after it was signed", async (_, change) => {
    const text = await readFile(certificateIn(join(folder, "sound")), "utf8");
    const file = join(folder, "changed.json");
    expect(change(text)).not.toBe(text);
    await writeFile(file, change(text));
    const { code, stdout } = await certify("--verify", file);
    expect(code).toBe(1);
    expect(stdout).toContain("changed after it was signed");
  });

  test("says in one line of a certificate whose public key is broken that it is", async () => {
    const certificate = JSON.parse(await readFile(certificateIn(join(folder, "sound")), "utf8")) as Certificate;
    const changes = [{ n: undefined }, { n: 5 }, { kty: "EC" }, { kid: null }];
    const texts = changes.map((change) => JSON.stringify({ ...certificate, key: { ...certificate.key, ...change } }));
    const fault = "its public key or its signature is broken";
    for (const text of texts) expect(verified(text)).toEqual({ fault });
    const file = join(folder, "broken.json");
    await writeFile(file, texts[0] ?? "");
    expect(await certify("--verify", file)).toEqual({ code: 1, stdout: `  ✗ ${file}: ${fault}\n`, stderr: "" });
  });

  test.each([
    "null",
    "{",
    "{}",
    '{"statement":{"format":"callpilot-isolation-certificate/1"},"key":{},"signature":{}}',
  ])("understands no other file: %s", (text) => {
    expect(verified(text)).toEqual({ fault: "this is no isolation certificate that is understood here" });
  });

  test.each([
    ["an option that it does not have", ["--bogus"], "Unknown option '--bogus'"],
    ["an unknown section", ["--only", "nothing"], "nothing is none of them"],
    ["a file that is not there", ["--verify", "nowhere.json"], "nowhere.json cannot be read"],
  ])("says in one sentence that it cannot work with %s", async (_, args, words) => {
    const { code, stderr } = await certify(...args);
    expect(code).toBe(2);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toContain(words);
  });
});

describe("npm run certify finds out and says where it is, when", () => {
  test.each(Object.entries(plantedFaults))("%s", { timeout: 120_000 }, async (name, fault) => {
    const { code, stdout, stderr, violations } = await certifyWith(name, fault);
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
    expect(violations).toContainEqual(expect.objectContaining(fault.names));
    expect(stdout).toContain(fault.names.control);
  });

  test("the fault it is tested with is one", async () => {
    const patches = [{ file: "shared/lazy.ts", text: "no such text", instead: "" }];
    await expect(buildWithFault({ patches }, join(folder, "gone"))).rejects.toThrow("no longer the text");
  });

  async function certifyWith(name: string, fault: PlantedFault): Promise<Ended & { violations: readonly Violation[] }> {
    const appDir = join(folder, name.replaceAll(" ", "-"));
    await buildWithFault(fault, appDir);
    const dataDir = join(appDir, "data");
    const stack = await startStackProcess({ dataDir, appDir, args: ["--no-seed"] });
    try {
      const ended = await certify("--data", dataDir, "--out", appDir, ...fault.args);
      const { statement } = verified(await readFile(certificateIn(appDir), "utf8")) as Certificate;
      return { ...ended, violations: statement.sections.flatMap(({ violations }) => violations) };
    } finally {
      await stack.stop();
    }
  }
});
