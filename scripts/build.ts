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
}

export interface BuildResult {
  /** Built function files, absolute. */
  readonly files: readonly string[];
  /** Everything that was written, chunks included. */
  readonly bytes: number;
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
  if (entries.length === 0) return { files: [], bytes: 0 };
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
    plugins: [...(options.plugins ?? [])],
    metafile: true,
    logLevel: "silent",
  });
  if (warnings.length > 0) throw new Error(warnings.map(({ text }) => text).join("\n"));
  return {
    files: entries.map((entry) => join(outdir, entry.replace(/\.ts$/u, ".js"))),
    bytes: Object.values(metafile.outputs).reduce((sum, output) => sum + output.bytes, 0),
  };
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
