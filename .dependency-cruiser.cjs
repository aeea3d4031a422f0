/** The floors of the house (docs/architecture.md): imports go downwards only, and each SDK has one room. */
const tests = "(?:\\.test|ForTests)\\.ts$";
const domains =
  "(?:access|evidence|keys|log|mail|media|members|operations|surveys|system|templates|tenants|videos|webhooks)";
const base = "(?:config|clock|identity|lazy|schema|validator)\\.ts$";

const floor = (name, path, forbidden, comment) => ({
  name,
  comment,
  severity: "error",
  from: { path, pathNot: tests },
  to: { path: forbidden },
});
/** A file of shared/tenancy that only these folders may import. */
const reserved = (name, file, path, comment) => ({
  name,
  comment,
  severity: "error",
  from: { path: "^(functions|shared)/", pathNot: [tests, path] },
  to: { path: `^shared/tenancy/${file}\\.ts$` },
});
const room = (name, sdk, path) => ({
  name,
  severity: "error",
  from: { path: "^(functions|shared)/", pathNot: [path, tests] },
  to: { path: sdk },
});

module.exports = {
  forbidden: [
    {
      name: "no-circle",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "the-product-stands-alone",
      comment: "local, clients, tests and scripts import the product; nothing of it imports them.",
      severity: "error",
      from: { path: "^(functions|shared)/", pathNot: tests },
      to: { path: "^(local|clients|tests|bench|scripts)/" },
    },
    {
      name: "clients-run-anywhere",
      comment: "Of the product they know the types of its contracts, which leave nothing behind when they are run.",
      severity: "error",
      from: { path: "^clients/", pathNot: tests },
      to: { pathNot: "^clients/", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "a-function-is-nobodys-library",
      severity: "error",
      from: { path: "^(functions|shared)/", pathNot: tests },
      to: { path: "^functions/" },
    },
    {
      name: "no-test-help-in-the-product",
      severity: "error",
      from: { path: "^(functions|shared)/", pathNot: tests },
      to: { path: tests },
    },
    floor("auth-below-triggers", "^shared/auth/", "^shared/triggers/", "Credentials know no triggers."),
    floor(
      "domains-below-auth",
      `^shared/${domains}/`,
      "^shared/(auth|triggers)/|^shared/composition",
      "Domain words know neither credentials nor triggers.",
    ),
    floor(
      "tenancy-and-storage-below-domains",
      "^shared/(tenancy|storage)/",
      `^shared/(auth|triggers|${domains})/|^shared/composition`,
      "Data access knows no domain.",
    ),
    floor(
      "protection-below-data",
      "^shared/protection/",
      `^shared/(auth|triggers|tenancy|storage|${domains})/|^shared/composition`,
      "Protection gets what it needs handed in.",
    ),
    floor(
      "web-at-the-bottom",
      `^shared/web/|^shared/${base}`,
      `^shared/(auth|triggers|tenancy|storage|protection|${domains})/`,
      "The ground floor.",
    ),
    reserved(
      "who-may-open-a-scope",
      "openScope",
      "^shared/(auth|triggers)/",
      "A scope comes from a verified credential or a validated message, never from a parameter.",
    ),
    reserved(
      "who-may-open-a-boundary",
      "boundary",
      "^shared/(triggers|tenancy)/",
      "A run of a function begins in its trigger's wrapper.",
    ),
    reserved(
      "who-may-admit-a-tenant",
      "admit",
      "^shared/(auth|triggers)/",
      "Where a credential was verified or a message validated, and nowhere else.",
    ),
    reserved(
      "who-may-look-up",
      "lookUp",
      "^shared/auth/",
      "What is read before a credential is verified is read by who verifies it.",
    ),
    {
      name: "data-only-through-a-scope",
      severity: "error",
      from: { path: "^(functions|shared)/", pathNot: [tests, "^shared/tenancy/"] },
      to: {
        path: "^shared/tenancy/(database|guard|repository|batch|change|log|logReader)\\.ts$",
        dependencyTypesNot: ["type-only"],
      },
    },
    room("cosmos-in-its-room", "node_modules/@azure/cosmos/", "^shared/tenancy/"),
    room("vault-in-its-room", "node_modules/@azure/keyvault-", "^shared/protection/"),
    room("storage-in-its-room", "node_modules/@azure/storage-", "^shared/storage/"),
    {
      name: "resolvable",
      severity: "error",
      from: {},
      to: { couldNotResolve: true, pathNot: "^@azure/functions-core$" },
    },
    {
      name: "no-development-package-in-the-product",
      severity: "error",
      from: { path: "^(functions|shared)/", pathNot: tests },
      to: { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"], pathNot: "^@azure/functions-core$" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default", "types"] },
  },
};
