import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { unusedExports } from "./exports.ts";
import { unusedFiles } from "./files.ts";
import { unusedPackages } from "./packages.ts";
import { type Project, openProject } from "./project.ts";

const files = {
  "package.json": JSON.stringify({
    type: "module",
    scripts: { tool: "node scripts/tool.ts", format: "prettier ." },
    dependencies: { ulid: "1.0.0", jose: "1.0.0", ajv: "1.0.0" },
    devDependencies: {
      prettier: "1.0.0",
      eslint: "1.0.0",
      "@types/node": "1.0.0",
      typescript: "1.0.0",
      esbuild: "1.0.0",
    },
  }),
  "tsconfig.json": JSON.stringify({
    compilerOptions: {
      module: "NodeNext",
      allowImportingTsExtensions: true,
      noEmit: true,
      types: ["node"],
      skipLibCheck: true,
    },
    include: ["functions", "shared", "scripts", "tests"],
  }),
  "eslint.config.js": `import ts from "typescript"; export default ts;`,
  "functions/a/work.ts": `
    import { ulid } from "ulid";
    import { type Shape, used } from "../../shared/used.ts";
    import { helpForTests } from "../../shared/helpForTests.ts";
    export const work = (shape: Shape) => [used(shape), ulid(), helpForTests()];`,
  "shared/used.ts": `
    export interface Shape { readonly inner: Inner }
    export interface Inner { readonly size: number }
    export interface Forgotten { readonly size: number }
    export const used = ({ inner }: Shape) => [inner, internal()];
    export const internal = () => 1;
    export const tested = () => 2;
    export const dead = () => 3;
    export const setForTests = () => 4;
    export const neverForTests = () => 5;`,
  "shared/used.test.ts": `
    import { decodeJwt } from "jose";
    import { setForTests, tested } from "./used.ts";
    import { onlyTested } from "./onlyTested.ts";
    import { helpForTests } from "./helpForTests.ts";
    const { loaded } = await import("./loaded.ts") as typeof import("./loaded.ts");
    export const all = [setForTests, tested, onlyTested, helpForTests, decodeJwt, loaded];`,
  "shared/helpForTests.ts": `export const helpForTests = () => 1;`,
  "shared/onlyTested.ts": `export const onlyTested = () => 1;`,
  "shared/loaded.ts": `export const loaded = 1;`,
  "shared/orphan.ts": `import { twin } from "./twin.ts"; export const orphan = () => twin();`,
  "shared/twin.ts": `import { orphan } from "./orphan.ts"; export const twin = (): unknown => orphan();`,
  "scripts/tool.ts": `
    const { named } = await load("scripts/named.ts") as typeof import("./named.ts");
    console.log(named);
    async function load(file: string): Promise<unknown> { return await import(file); }`,
  "scripts/named.ts": `export const named = 1;`,
  "scripts/byHand.ts": `if (import.meta.main) console.log(1);`,
  "tests/support/lost.ts": `export const lost = 1;`,
};

let root: string;
let project: Project;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "callpilot-unused-"));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), text);
  }
  await symlink(join(import.meta.dirname, "../../node_modules"), join(root, "node_modules"), "dir");
  project = openProject(root);
});
afterAll(() => rm(root, { recursive: true }));

it("finds files that nothing leads to, be it in a circle, and those that only tests lead to", () => {
  expect(unusedFiles(project).sort()).toEqual([
    "shared/loaded.ts is used by tests only",
    "shared/onlyTested.ts is used by tests only",
    "shared/orphan.ts is used by nothing",
    "shared/twin.ts is used by nothing",
    "tests/support/lost.ts is used by nothing",
  ]);
});

it("finds exports that nothing, only tests or only their own file use, and what is for tests in the product", () => {
  expect(unusedExports(project).sort()).toEqual([
    "shared/helpForTests.ts: helpForTests is for tests, and functions/a/work.ts uses it",
    "shared/loaded.ts: loaded is used by tests only",
    "shared/onlyTested.ts: onlyTested is used by tests only",
    "shared/used.ts: Forgotten is used by nothing",
    "shared/used.ts: dead is used by nothing",
    "shared/used.ts: internal is used by its own file only",
    "shared/used.ts: neverForTests is used by nothing",
    "shared/used.ts: tested is used by tests only",
    "tests/support/lost.ts: lost is used by nothing",
  ]);
});

it("finds dependencies that nothing uses, and those of the product that only tests use", () => {
  expect(unusedPackages(project).sort()).toEqual([
    "ajv is a dependency of the product, which does not import it",
    "esbuild is used by nothing",
    "eslint is used by nothing",
    "jose is a dependency of the product, which does not import it",
  ]);
});
