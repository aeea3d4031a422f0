import { existsSync, globSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import ts from "typescript";

/** A TypeScript project, its files named by their paths from its root. */
export interface Project {
  readonly root: string;
  readonly checker: ts.TypeChecker;
  readonly options: ts.CompilerOptions;
  readonly sources: ReadonlyMap<string, ts.SourceFile>;
  /** Files outside of the program that name others: configuration of tools, and commands. */
  readonly configuration: readonly ts.SourceFile[];
  readonly commands: string;
  readonly nameOf: (file: ts.SourceFile) => string;
}

/** Reads what `tsconfig.json` includes. Throws where it cannot be read. */
export function openProject(root: string): Project {
  const config = ts.getParsedCommandLineOfConfigFile(
    join(root, "tsconfig.json"),
    {},
    {
      ...ts.sys,
      onUnRecoverableConfigFileDiagnostic: ({ messageText }) => {
        throw new Error(ts.flattenDiagnosticMessageText(messageText, "\n"));
      },
    },
  );
  if (config === undefined) throw new Error("tsconfig.json cannot be read.");
  const program = ts.createProgram(config.fileNames, config.options);
  const nameOf = ({ fileName }: ts.SourceFile) => relative(root, fileName).replaceAll("\\", "/");
  const ours = program
    .getSourceFiles()
    .filter(({ fileName }) => fileName.endsWith(".ts") && !fileName.includes("node_modules/"));
  return {
    root,
    checker: program.getTypeChecker(),
    options: config.options,
    sources: new Map(ours.map((file) => [nameOf(file), file])),
    configuration: globSync(["*.config.js", ".*.cjs", "tests/mutation/*.js"], { cwd: root }).map((name) =>
      ts.createSourceFile(join(root, name), readFileSync(join(root, name), "utf8"), ts.ScriptTarget.Latest, true),
    ),
    commands: ["package.json", ".ci/run"]
      .map((name) => join(root, name))
      .map((path) => (existsSync(path) ? commandsOf(path) : ""))
      .join("\n"),
    nameOf,
  };
}

function commandsOf(path: string): string {
  const text = readFileSync(path, "utf8");
  if (!path.endsWith(".json")) return text;
  const { scripts = {} } = JSON.parse(text) as { scripts?: Readonly<Record<string, string>> };
  return Object.values(scripts).join("\n");
}

/** Tests and what is there for them alone. Not counted as use of anything else. */
export function isTest(file: string): boolean {
  return /\.test\.ts$|ForTests\.ts$|^tests\/|\/testing\/|\/testSupport\.ts$/u.test(file);
}

export function isProduct(file: string): boolean {
  return /^(?:functions|shared)\//u.test(file) && !isTest(file);
}

/** What is run by its place: functions are found by the host, tests and configuration by their tools. */
export function isEntry(file: string): boolean {
  return /^functions\/|\.test\.ts$|(?:^|\/)\w+\.config\.ts$/u.test(file);
}

/** Every node of a tree, from top to bottom. */
export function* nodesOf(node: ts.Node): Generator<ts.Node> {
  yield node;
  const children: ts.Node[] = [];
  ts.forEachChild(node, (child) => {
    children.push(child);
  });
  for (const child of children) yield* nodesOf(child);
}
