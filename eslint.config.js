import noUnsanitized from "eslint-plugin-no-unsanitized";
import redos from "eslint-plugin-redos";
import { configs as regexp } from "eslint-plugin-regexp";
import security from "eslint-plugin-security";
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

export default defineConfig(
  globalIgnores(["dist", ".local", ".cache", "coverage", "reports"]),
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  regexp["flat/recommended"],
  noUnsanitized.configs.recommended,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { redos, security },
    rules: {
      "redos/no-vulnerable": "error",
      "security/detect-bidi-characters": "error",
      "security/detect-buffer-noassert": "error",
      "security/detect-eval-with-expression": "error",
      "security/detect-new-buffer": "error",
      "security/detect-pseudoRandomBytes": "error",
      "security/detect-unsafe-regex": "error",
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
            "NewExpression[callee.name=/^(DefaultAzureCredential|ClientSecretCredential|EnvironmentCredential|StorageSharedKeyCredential|AzureKeyCredential)$/]",
          message: "Managed Identity only (shared/identity.ts).",
        },
        {
          selector: "CallExpression[callee.property.name='fromConnectionString']",
          message: "No connection strings: Managed Identity only.",
        },
      ],
    },
  },
  { files: ["scripts/**", "local/**", "tests/**", "bench/**"], rules: { "no-console": "off" } },
  { files: ["**/*.{js,cjs}"], extends: [tseslint.configs.disableTypeChecked] },
);
