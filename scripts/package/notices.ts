import { globSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * The licences of everything that is bundled, as their authors ask: one part for each package, by name. `sources` are the
 * bundled files, relative to `root`. Throws for a package that carries no licence text and names none.
 */
export async function notices(root: string, sources: readonly string[]): Promise<string> {
  const folders = new Set(sources.flatMap((file) => packageOf(file) ?? []));
  const parts = [];
  for (const folder of [...folders].toSorted()) {
    const { name, version, license, licenses } = JSON.parse(
      await readFile(join(root, folder, "package.json"), "utf8"),
    ) as {
      name: string;
      version: string;
      license?: string;
      /** As npm had it before 2014. */
      licenses?: readonly { type: string; url: string }[];
    };
    const named = license ?? licenses?.map(({ type, url }) => `${type} (${url})`).join(", ");
    // Some say it in their readme only.
    const readme = named === undefined ? ",README.md" : "";
    const names = `{licen[cs]e*,LICEN[CS]E*,Licen[cs]e*,COPYING*${readme}}`;
    const [file] = globSync(names, { cwd: join(root, folder) }).toSorted();
    const text = file === undefined ? named : await readFile(join(root, folder, file), "utf8");
    if (text === undefined) throw new Error(`${name} has no licence that could be passed on.`);
    parts.push(`${name} ${version}\n\n${text.trim()}\n`);
  }
  return parts.join(`\n${"-".repeat(80)}\n\n`);
}

/** Folder of the package that the file belongs to, the innermost. */
function packageOf(file: string): string | undefined {
  const start = file.lastIndexOf("node_modules/") + "node_modules/".length;
  if (start < "node_modules/".length) return undefined;
  const [scope = "", name = ""] = file.slice(start).split("/");
  return file.slice(0, start) + (scope.startsWith("@") ? `${scope}/${name}` : scope);
}
