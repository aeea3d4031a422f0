import ts from "typescript";
import { type Project, isEntry, isProduct, isTest, nodesOf } from "./project.ts";

/** Whose exports are asked for by name, in code that is none of the project's. */
const askedFor = [
  "local/host/functionsCore.ts", // by the Functions library
  "tests/support/stack.ts", // by Vitest
  "tests/support/faultHook.ts", // by what faultSites() writes
];

/**
 * Exports that nothing uses, those that their own file alone uses, and tests' own exports that the product uses. What only
 * tests use counts as unused, too, unless its name or its file says that it is for them: code that nothing but its test
 * runs is dead. A type may be used by its own file alone: what a signature says has to have a name.
 */
export function unusedExports(project: Project): string[] {
  const users = usersOf(project);
  return Array.from(project.sources, ([file, source]) => {
    const module = project.checker.getSymbolAtLocation(source);
    if (module === undefined || isEntry(file) || askedFor.includes(file)) return [];
    return project.checker.getExportsOfModule(module).flatMap((exported) => {
      const symbol = original(project, exported);
      const found = { name: exported.getName(), file, isType: (symbol.flags & ts.SymbolFlags.Type) !== 0 };
      return problemsOf(found, [...(users.get(symbol) ?? [])]).map((problem) => `${file}: ${found.name} ${problem}`);
    });
  }).flat();
}

interface Exported {
  readonly name: string;
  readonly file: string;
  readonly isType: boolean;
}

function problemsOf({ name, file, isType }: Exported, users: readonly string[]): string[] {
  const others = users.filter((user) => user !== file);
  if (users.length === 0) return ["is used by nothing"];
  if (isTest(file) || name.endsWith("ForTests")) {
    const wrong = others.filter(isProduct).map((user) => `is for tests, and ${user} uses it`);
    return others.length > 0 || isType ? wrong : ["is used by its own file only"];
  }
  if (users.every(isTest)) return ["is used by tests only"];
  return others.length > 0 || isType ? [] : ["is used by its own file only"];
}

function original({ checker }: Project, symbol: ts.Symbol): ts.Symbol {
  return (symbol.flags & ts.SymbolFlags.Alias) === 0 ? symbol : checker.getAliasedSymbol(symbol);
}

function usersOf(project: Project): ReadonlyMap<ts.Symbol, ReadonlySet<string>> {
  const users = new Map<ts.Symbol, Set<string>>();
  for (const [name, file] of project.sources)
    for (const node of nodesOf(file))
      for (const symbol of symbolsAt(project, node)) {
        const used = original(project, symbol);
        users.set(used, (users.get(used) ?? new Set()).add(name));
      }
  return users;
}

function symbolsAt({ checker }: Project, node: ts.Node): readonly ts.Symbol[] {
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
    return node.arguments.flatMap((specifier) => exportsAt(checker, specifier));
  if (ts.isObjectBindingPattern(node)) {
    const type = checker.getTypeAtLocation(node);
    return node.elements.flatMap(({ propertyName, name }) => {
      const property = propertyName ?? name;
      return ts.isIdentifier(property) ? defined(type.getProperty(property.text)) : [];
    });
  }
  if (!ts.isIdentifier(node)) return [];
  const symbol = ts.isShorthandPropertyAssignment(node.parent)
    ? checker.getShorthandAssignmentValueSymbol(node.parent)
    : checker.getSymbolAtLocation(node);
  const isDeclared = symbol?.declarations?.some((one) => ts.getNameOfDeclaration(one) === node) === true;
  return isDeclared && !ts.isImportSpecifier(node.parent) ? [] : defined(symbol);
}

function exportsAt(checker: ts.TypeChecker, specifier: ts.Node): readonly ts.Symbol[] {
  const module = checker.getSymbolAtLocation(specifier);
  return module === undefined ? [] : checker.getExportsOfModule(module);
}

function defined<T>(value: T | undefined): T[] {
  return value === undefined ? [] : [value];
}
