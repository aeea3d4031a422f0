import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { type Project, isProduct, nodesOf } from "./project.ts";

interface Manifest {
  readonly bin?: string | Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/**
 * Direct dependencies that nothing uses, and those of the product that only something else uses. Used is what is imported,
 * whose program is run, what a used package wants beside itself, and the types of either. Optional ones are the tools' own
 * Node for each platform, of which at most one is installed.
 */
export function unusedPackages(project: Project): string[] {
  const { dependencies = {}, devDependencies = {} } = manifest(project.root);
  const imported = [...project.sources].flatMap(([file, source]) => textsIn(source).map((text) => ({ file, text })));
  const byProduct = new Set(imported.filter(({ file }) => isProduct(file)).map(({ text }) => packageOf(text)));
  const words = new Set([
    ...imported.map(({ text }) => text),
    ...project.configuration.flatMap(textsIn),
    ...(project.options.types ?? []).map((name) => `@types/${name}`),
    ...project.commands.split(/\s+/u),
  ]);
  const packages = new Set([...words].map(packageOf));
  const direct = Object.keys({ ...dependencies, ...devDependencies });
  const isUsed = (name: string) => packages.has(name) || binariesOf(project.root, name).some((bin) => words.has(bin));
  const wanted = new Set(
    direct.filter(isUsed).flatMap((name) => Object.keys(packageManifest(project.root, name).peerDependencies ?? {})),
  );
  return [
    ...Object.keys(dependencies)
      .filter((name) => !byProduct.has(name))
      .map((name) => `${name} is a dependency of the product, which does not import it`),
    ...Object.keys(devDependencies)
      .filter((name) => !isUsed(name) && !wanted.has(name) && !isUsed(typed(name)))
      .map((name) => `${name} is used by nothing`),
  ];
}

function textsIn(file: ts.SourceFile): string[] {
  return [...nodesOf(file)].filter(ts.isStringLiteralLike).map(({ text }) => text);
}

/** `@scope/name/part` and `name/part` without the part. */
function packageOf(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}

/** The package that types are of; any other is its own. */
function typed(name: string): string {
  return name.replace(/^@types\//u, "");
}

function binariesOf(root: string, name: string): string[] {
  const { bin = {} } = packageManifest(root, name);
  return typeof bin === "string" ? [packageOf(name)] : Object.keys(bin);
}

function packageManifest(root: string, name: string): Manifest {
  const folder = join(root, "node_modules", name);
  return existsSync(folder) ? manifest(folder) : {};
}

function manifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
}
