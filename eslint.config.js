import noUnsanitized from "eslint-plugin-no-unsanitized";
import redos from "eslint-plugin-redos";
import { configs as regexp } from "eslint-plugin-regexp";
import security from "eslint-plugin-security";
import sonarjs from "eslint-plugin-sonarjs";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

/** Each Azure data-plane SDK has one room of the house; everything else goes through that room. */
const rooms = {
  cosmos: { group: ["@azure/cosmos", "@azure/cosmos/*"], message: "Only shared/tenancy talks to the database." },
  vault: { group: ["@azure/keyvault-*"], message: "Only shared/protection talks to the vault." },
  storage: { group: ["@azure/storage-*"], message: "Only shared/storage talks to the storage accounts." },
};
const allRoomsBut = (...open) =>
  Object.entries(rooms)
    .filter(([name]) => !open.includes(name))
    .map(([, pattern]) => pattern);
const noRooms = (...open) => ({ "no-restricted-imports": ["error", { patterns: allRoomsBut(...open) }] });

/** Findings of the security sets that are no defects here. Everything else of them is an error. */
const off = (plugin, names) => Object.fromEntries(names.map((name) => [`${plugin}/${name}`, "off"]));
const noDefects = {
  // Every index into a record is one: keys are closed types, and bodies are checked by closed schemas.
  // File names and modules are made here from ids; expressions are checked by redos, wherever they come from.
  ...off("security", ["detect-object-injection", "detect-non-literal-fs-filename", "detect-non-literal-regexp"]),
  // The compiler or typescript-eslint says the same, faster.
  ...off("sonarjs", ["deprecation", "no-unused-vars", "function-return-type", "argument-type"]),
  // Many tests assert by a helper (expectApi, app.logged), which the rule does not follow.
  ...off("sonarjs", ["assertions-in-tests"]),
  // Order by code unit is meant: that of a language differs between machines.
  ...off("sonarjs", ["no-alphabetical-sort"]),
  // Networks are named by their addresses where requests to them are refused.
  ...off("sonarjs", ["no-hardcoded-ip"]),
  // House style: `made ??= make()`, a text within a text, a choice by a boolean, a parser that moves its own cursor.
  ...off("sonarjs", ["no-nested-assignment", "no-nested-template-literals", "no-selector-parameter"]),
  ...off("sonarjs", ["updated-loop-counter"]),
  // There is no Amazon here.
  ...off(
    "sonarjs",
    Object.keys(sonarjs.rules).filter((name) => name.startsWith("aws-")),
  ),
  // A parser that can be read from top to bottom is worth more than one in pieces.
  "sonarjs/cognitive-complexity": ["error", 20],
};

export default defineConfig(
  globalIgnores(["dist", "package", ".local", ".cache", "coverage", "reports"]),
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  regexp["flat/recommended"],
  noUnsanitized.configs.recommended,
  security.configs.recommended,
  sonarjs.configs.recommended,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { redos },
    rules: {
      ...noDefects,
      // Decided, not tried out: the other checker finds what the machine's load lets it find.
      "redos/no-vulnerable": ["error", { checker: "automaton", ignoreErrors: false, timeout: 60_000, cache: true }],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: false },
      ],
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
      "@typescript-eslint/no-unused-vars": ["error", { ignoreRestSiblings: true }],
      // Record<ParametersOf<Route>, string> is empty for a route without parameters, which is what it should be.
      "@typescript-eslint/no-generated-empty-object-type": "off",
      eqeqeq: "error",
      "no-console": "error",
    },
  },
  { files: ["functions/**", "shared/**"], rules: noRooms() },
  { files: ["shared/tenancy/**"], rules: noRooms("cosmos") },
  { files: ["shared/protection/**"], rules: noRooms("vault") },
  { files: ["shared/storage/**"], rules: noRooms("storage") },
  { files: ["shared/**/*.test.ts"], rules: noRooms("cosmos", "vault", "storage") },
  {
    files: ["functions/**", "shared/**"],
    ignores: ["shared/config.ts", "**/*.test.ts"],
    rules: {
      "no-restricted-properties": [
        "error",
        { object: "process", property: "env", message: "Settings are read once, in shared/config.ts." },
      ],
      "no-restricted-syntax": [
        "error",
        {
          selector:
            "NewExpression:matches([callee.name=/Credential$/], [callee.property.name=/Credential$/]):not([callee.name='ManagedIdentityCredential'])",
          message: "Managed Identity only (shared/identity.ts).",
        },
        {
          selector:
            "NewExpression[callee.name='CosmosClient'] Property[key.name=/^(key|connectionString|resourceTokens|tokenProvider)$/]",
          message: "No keys: Managed Identity only.",
        },
        {
          // The clients of all Azure SDKs take a connection string as their only argument.
          selector:
            "NewExpression[callee.name=/Client$/][arguments.length=1]:not([arguments.0.type='ObjectExpression']):not([callee.name='CosmosClient'][arguments.0.type='Identifier'])",
          message: "No connection strings: Managed Identity only.",
        },
        {
          selector: "CallExpression[callee.property.name='fromConnectionString']",
          message: "No connection strings: Managed Identity only.",
        },
      ],
    },
  },
  {
    files: ["scripts/**", "local/**", "tests/**", "bench/**", "**/*.test.ts"],
    rules: {
      "no-console": "off",
      // Only the loaders of functions do it, with paths that they found; tokens here open nothing real.
      ...off("security", ["detect-non-literal-require", "detect-possible-timing-attacks"]),
      ...off("sonarjs", ["no-clear-text-protocols"]),
      // Tools run on machines whose PATH is their owner's.
      ...off("sonarjs", ["no-os-command-from-path"]),
    },
  },
  { files: ["**/*.{js,cjs}"], extends: [tseslint.configs.disableTypeChecked] },
);
