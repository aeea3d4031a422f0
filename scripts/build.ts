import { globSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type Plugin, build as bundle } from "esbuild";

export interface BuildOptions {
  /** Folder with `functions/`; the project's root unless given. */
  readonly root?: string;
  /** Made anew by every build, relative to `root`; `dist` unless given. */
  readonly outdir?: string;
  /** For tests that build the app with a fault in it. */
  readonly plugins?: readonly Plugin[];
  /** As it is deployed: minified, with all shared code in one chunk, and source maps beside. */
  readonly forPackage?: boolean;
}

export interface BuildResult {
  /** Built function files, absolute. */
  readonly files: readonly string[];
  /** Everything that was written, chunks included. */
  readonly bytes: number;
  /** Files that something was bundled from, relative to `root`. */
  readonly sources: readonly string[];
}

const projectRoot = dirname(import.meta.dirname);

/**
 * Bundles each `functions/<folder>/<name>.ts` to `<outdir>/functions/<folder>/<name>.js`, with what they share in
 * chunks, so that the package needs no node_modules. Throws when a file does not compile or esbuild warns.
 */
export async function build(options: BuildOptions = {}): Promise<BuildResult> {
  const root = options.root ?? projectRoot;
  const outdir = resolve(root, options.outdir ?? "dist");
  if (outdir === root || root.startsWith(outdir + "/"))
    throw new Error("The output folder is deleted first: it cannot be the project itself.");
  const entries = globSync("functions/*/*.ts", { cwd: root }).filter((file) => !file.endsWith(".test.ts"));
  await rm(outdir, { recursive: true, force: true });
  if (entries.length === 0) return { files: [], bytes: 0, sources: [] };
  const { metafile, warnings } = await bundle({
    absWorkingDir: root,
    entryPoints: entries,
    outdir,
    outbase: root,
    // Not below functions/, where the glob `main` in package.json would load a chunk as a function.
    chunkNames: "chunks/[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    // The Functions worker provides this module; @azure/functions requires nothing else from it.
    external: ["@azure/functions-core"],
    // CommonJS dependencies call require for Node's own modules, which an ES module does not have.
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module";\nconst require = __createRequire(import.meta.url);',
    },
    legalComments: "none",
    plugins: [...(options.plugins ?? []), ...(options.forPackage === true ? [sharedByAll(root, entries)] : [])],
    ...(options.forPackage === true && forPackage),
    metafile: true,
    logLevel: "silent",
  });
  if (warnings.length > 0) throw new Error(warnings.map(({ text }) => text).join("\n"));
  return {
    files: entries.map((entry) => join(outdir, entry.replace(/\.ts$/u, ".js"))),
    bytes: Object.values(metafile.outputs).reduce((sum, output) => sum + output.bytes, 0),
    sources: Object.keys(metafile.inputs),
  };
}

/** Names stay, for stack traces and errors; maps hold places only, no source, and are not deployed. */
const forPackage = { minify: true, keepNames: true, sourcemap: "external", sourcesContent: false } as const;

/**
 * Makes every function import what any function imports. A chunk is what the same functions share, so without this there
 * are more chunks than functions, each of them a file to open at a cold start, where all functions are loaded anyway.
 */
function sharedByAll(root: string, entries: readonly string[]): Plugin {
  const paths = new Set(entries.map((entry) => join(root, entry)));
  return {
    name: "shared-by-all",
    setup: (build) => {
      build.onLoad({ filter: /\/functions\/[^/]+\/[^/]+\.ts$/ }, async ({ path }) => {
        if (!paths.has(path)) return undefined;
        return { contents: `import "shared-by-all";\n${await readFile(path, "utf8")}`, loader: "ts" };
      });
      build.onResolve({ filter: /^shared-by-all$/ }, () => ({ path: "imports", namespace: "shared-by-all" }));
      build.onLoad({ filter: /^imports$/, namespace: "shared-by-all" }, async () => {
        const sources = await Promise.all(entries.map((entry) => readFile(join(root, entry), "utf8")));
        const files = sources.flatMap((source) => source.split("\n")).flatMap((line) => importedFile(line) ?? []);
        const lines = [...new Set(files)].toSorted().map((file) => `import "./${file}";`);
        return { contents: lines.join("\n"), loader: "ts", resolveDir: root };
      });
    },
  };
}

/** What a function's line imports of the house, if it is no type. */
function importedFile(line: string): string | undefined {
  const [, what, file] = /^import (?<what>[^"]+) from "\.\.\/\.\.\/(?<file>[^"]+\.ts)";$/u.exec(line) ?? [];
  return what?.startsWith("type ") === true ? undefined : file;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { outdir: { type: "string" } } });
  const started = performance.now();
  const { files, bytes } = await build(values.outdir === undefined ? {} : { outdir: values.outdir });
  const { name } = JSON.parse(await readFile(join(projectRoot, "package.json"), "utf8")) as { name: string };
  console.log(
    `${name}: ${files.length} functions, ${(bytes / 1e6).toFixed(1)} MB, ${Math.round(performance.now() - started)} ms`,
  );
}

if (import.meta.main) await main();
