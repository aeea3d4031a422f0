import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { build } from "./build.ts";

describe("the build", () => {
  let root = "";
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "build-test-"));
    const sources = {
      "functions/a/one.ts": `import { shared } from "../../shared/shared.ts"; import data from "./data.json" with { type: "json" }; export const one: string = shared + data.x;`,
      "functions/b/two.ts": `import { shared } from "../../shared/shared.ts"; export const two: string = shared;`,
      "functions/b/two.test.ts": `throw new Error("a test is no function");`,
      "functions/a/data.json": `{"x":"json"}`,
      "shared/shared.ts": `import "@azure/functions-core"; import legacy from "./legacy.cjs"; export const shared: string = legacy.version;`,
      "shared/legacy.cjs": `exports.version = typeof require("node:util").format;`,
      "dist/functions/a/renamed.js": "old",
    };
    for (const [file, text] of Object.entries(sources)) {
      await mkdir(join(root, file, ".."), { recursive: true });
      await writeFile(join(root, file), text);
    }
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  test("makes one file for each function and nothing else below functions/", async () => {
    const { files, bytes } = await build({ root });
    expect(files.toSorted()).toEqual(["a/one.js", "b/two.js"].map((file) => join(root, "dist/functions", file)));
    expect(bytes).toBeGreaterThan(0);
    const made = await readdir(join(root, "dist/functions"), { recursive: true });
    expect(made.toSorted()).toEqual(["a", "a/one.js", "b", "b/two.js"]);
  });

  test("shares code in chunks and leaves out only what the worker injects", async () => {
    await build({ root });
    const [chunk = ""] = await readdir(join(root, "dist/chunks"));
    const code = await readFile(join(root, "dist/chunks", chunk), "utf8");
    expect(code).toContain("createRequire");
    expect(code.match(/^import .*$/gmu)).toEqual([
      'import { createRequire as __createRequire } from "node:module";',
      'import "@azure/functions-core";',
    ]);
  });

  test("fails on source that does not compile", async () => {
    await mkdir(join(root, "functions/c"), { recursive: true });
    await writeFile(join(root, "functions/c/bad.ts"), `import "./missing.ts";`);
    await expect(build({ root, outdir: "other" })).rejects.toThrow("missing.ts");
  });

  test.each([".", ".."])("does not delete the project when told to build into %s", async (outdir) => {
    await expect(build({ root, outdir })).rejects.toThrow("output folder");
  });
});
