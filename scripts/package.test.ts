import { execFile } from "node:child_process";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { globSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { build } from "./build.ts";

/**
 * What the Node worker of Azure Functions does with an app, in the little that matters here: it answers
 * `require("@azure/functions-core")` by patching `Module.prototype.require`, then imports what `main` names.
 * Source: Azure/azure-functions-nodejs-worker, src/setupCoreModule.ts and src/loadScriptFile.ts.
 */
const worker = `
import Module from "node:module";
import { globSync } from "node:fs";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const functions = [];
class Disposable { dispose() {} }
const core = {
  version: "3.13.0",
  hostVersion: "4.1050.0",
  registerFunction: (metadata) => { functions.push(metadata); return new Disposable(); },
  registerHook: () => new Disposable(),
  setProgrammingModel: () => {},
  getProgrammingModel: () => ({ name: "@azure/functions", version: "4" }),
  log: () => {},
  Disposable,
};
const required = Module.prototype.require;
Module.prototype.require = function (id, ...rest) {
  return id === "@azure/functions-core" ? core : Reflect.apply(required, this, [id, ...rest]);
};
const { main } = JSON.parse(readFileSync("package.json", "utf8"));
for (const file of globSync(main)) await import(pathToFileURL(resolve(file)).href);
console.log(JSON.stringify(functions.map(({ name, bindings }) => [name, Object.values(bindings)[0].type])));
`;

const sources = globSync("functions/*/*.ts").filter((file) => !file.endsWith(".test.ts"));
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "callpilot-package-"));
  await build({ outdir: join(folder, "dist") });
  for (const file of ["package.json", "host.json"]) await cp(file, join(folder, file));
  await writeFile(join(folder, "worker.mjs"), worker);
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe("the built app", () => {
  it("loads in the worker's way, alone: no node_modules, no settings, nothing of local/, and no word printed", async () => {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ["worker.mjs"], {
      cwd: folder,
      env: { NODE_OPTIONS: "--disable-proto=throw --throw-deprecation" },
    });
    expect(stderr).toBe("");
    const registered = JSON.parse(stdout) as [name: string, trigger: string][];
    expect(registered.map(([name]) => name).sort()).toEqual(sources.map((file) => basename(file, ".ts")).sort());
    expect(new Set(registered.map(([, trigger]) => trigger))).toEqual(
      new Set(["httpTrigger", "queueTrigger", "blobTrigger", "timerTrigger", "cosmosDBTrigger", "eventGridTrigger"]),
    );
  });

  it("has one file per function", () => {
    const built = globSync("dist/functions/*/*.js", { cwd: folder });
    expect(built.map((file) => basename(file, ".js")).sort()).toEqual(
      sources.map((file) => basename(file, ".ts")).sort(),
    );
  });
});
