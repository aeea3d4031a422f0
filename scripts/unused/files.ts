import { dirname, posix } from "node:path";
import ts from "typescript";
import { type Project, isEntry, isTest, nodesOf } from "./project.ts";

/** Files that no function, test, command or configuration leads to, and those that only tests lead to. */
export function unusedFiles(project: Project): string[] {
  const entries = [...project.sources].filter(([name, file]) => isEntry(name) || isProgram(file)).map(([name]) => name);
  const named = [...programsIn(project), ...project.configuration.flatMap((file) => namedIn(project, file))];
  const all = reached(project, [...entries, ...named]);
  const withoutTests = reached(project, [...entries, ...named], (file) => !isTest(file));
  return [...project.sources.keys()].flatMap((file) => {
    if (!all.has(file)) return [`${file} is used by nothing`];
    return isTest(file) || withoutTests.has(file) ? [] : [`${file} is used by tests only`];
  });
}

/** May be started by hand. */
function isProgram({ text }: ts.SourceFile): boolean {
  return text.includes("import.meta.main)");
}

function programsIn({ commands, sources }: Project): string[] {
  return commands.split(/\s+/u).filter((word) => sources.has(word));
}

function reached(
  project: Project,
  from: readonly string[],
  counts: (file: string) => boolean = () => true,
): Set<string> {
  const found = new Set(from.filter(counts));
  for (const name of found) {
    const file = project.sources.get(name);
    const next = file === undefined ? [] : namedIn(project, file);
    for (const other of next.filter(counts)) found.add(other);
  }
  return found;
}

/** Files of the project that a file imports or names by a path, from itself or from the root, as it does to start one. */
function namedIn({ sources, nameOf }: Project, file: ts.SourceFile): string[] {
  const folder = dirname(nameOf(file));
  return [...nodesOf(file)].filter(ts.isStringLiteralLike).flatMap(({ text }) => {
    if (!text.endsWith(".ts")) return [];
    return [posix.join(folder, text), posix.normalize(text)].filter((name) => sources.has(name));
  });
}
