import { relative } from "node:path";
import ts from "typescript";

/**
 * Finds exports that nothing uses. What only tests use counts as unused, too, unless its file is a helper of tests: code
 * that nothing but its test runs is dead. local/ and scripts/ are programs of their own and held to the same.
 */
const isTest = (file: string) => /\.test\.ts$|ForTests\.ts$|^tests\/|\/testing\/|\/testSupport\.ts$/u.test(file);
/** Loaded by name: functions by the host, the configuration and set-up of tools by the tools. */
const isEntry = (file: string) =>
  /^functions\/|\.config\.ts$|^tests\/support\/(?:setup|stack|faultHook)\.ts$/u.test(file);

const root = process.cwd();
const config = ts.getParsedCommandLineOfConfigFile(
  "tsconfig.json",
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
const checker = program.getTypeChecker();
const nameOf = ({ fileName }: ts.SourceFile) => relative(root, fileName).replaceAll("\\", "/");
const sources = program.getSourceFiles().filter((file) => !nameOf(file).includes("node_modules/"));

const original = (symbol: ts.Symbol) =>
  (symbol.flags & ts.SymbolFlags.Alias) === 0 ? symbol : checker.getAliasedSymbol(symbol);
const exportsAt = (specifier: ts.Node) => {
  const module = checker.getSymbolAtLocation(specifier);
  return module === undefined ? [] : checker.getExportsOfModule(module);
};

const users = new Map<ts.Symbol, ts.SourceFile[]>();
const use = (symbol: ts.Symbol | undefined, by: ts.SourceFile) => {
  if (symbol === undefined) return;
  const used = original(symbol);
  users.set(used, [...(users.get(used) ?? []), by]);
};

for (const file of sources) visit(file, file);
const unused = sources.flatMap((file) => {
  const name = nameOf(file);
  const module = checker.getSymbolAtLocation(file);
  if (module === undefined || isEntry(name)) return [];
  const counts = (by: ts.SourceFile) => isTest(name) || !isTest(nameOf(by));
  return checker
    .getExportsOfModule(module)
    .filter((symbol) => users.get(original(symbol))?.some(counts) !== true)
    .map((symbol) => `${name}: ${symbol.getName()}`);
});
for (const one of unused) console.error(one);
console.log(`${unused.length} unused exports in ${sources.length} files`);
process.exitCode = unused.length === 0 ? 0 : 1;

function visit(node: ts.Node, file: ts.SourceFile): void {
  if (ts.isIdentifier(node)) {
    const symbol = ts.isShorthandPropertyAssignment(node.parent)
      ? checker.getShorthandAssignmentValueSymbol(node.parent)
      : checker.getSymbolAtLocation(node);
    const isDeclared = symbol?.declarations?.some((one) => ts.getNameOfDeclaration(one) === node) === true;
    if (!isDeclared || ts.isImportSpecifier(node.parent)) use(symbol, file);
  } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    for (const symbol of node.arguments.flatMap(exportsAt)) use(symbol, file);
  }
  ts.forEachChild(node, (child) => {
    visit(child, file);
  });
}
