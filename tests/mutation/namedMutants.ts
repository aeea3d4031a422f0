/** A fault of tenancy by its name, as another text in a source file, and the tests that have to notice it. */
export interface NamedMutant {
  readonly file: string;
  /** As it stands in the file. */
  readonly text: string;
  readonly instead: string;
  readonly tests: readonly string[];
}

const repository = "shared/tenancy/repository.ts";
const repositoryTests = ["shared/tenancy/repository.test.ts"];
const guardTests = ["shared/tenancy/guard.test.ts"];

export const namedMutants: Readonly<Record<string, NamedMutant>> = {
  "predicate dropped": {
    file: repository,
    text: "WHERE ${tenantPredicate} AND ",
    instead: "WHERE ",
    tests: repositoryTests,
  },
  "partition key dropped": {
    file: repository,
    text: "partitionKey: this.tenantId, ",
    instead: "",
    tests: repositoryTests,
  },
  "tenant from the body": {
    file: "shared/tenancy/change.ts",
    text: "{ ...fields, ...ttl, id, tenantId, kind: name,",
    instead: "{ tenantId, ...fields, ...ttl, id, kind: name,",
    tests: ["shared/tenancy/change.test.ts"],
  },
  "tenant swapped": {
    file: repository,
    text: '{ name: "@tenantId", value: this.tenantId }',
    instead: '{ name: "@tenantId", value: "tnt_01M894XPK5Z7YNZEP0YTK00000" }',
    tests: repositoryTests,
  },
  "guard off": {
    file: "shared/tenancy/database.ts",
    text: "    guard(request);\n",
    instead: "",
    tests: guardTests,
  },
  "guard without the caller's boundary": {
    file: "shared/tenancy/guard.ts",
    text: "boundaryViolation(request, boundary) ?? ",
    instead: "",
    tests: guardTests,
  },
  "cursor purpose dropped": {
    file: "shared/tenancy/cursor.ts",
    text: "`cursor:${hash}`",
    instead: '"cursor"',
    tests: ["shared/tenancy/cursor.test.ts", ...repositoryTests],
  },
  "cursor tenant dropped": {
    file: repository,
    text: "protector(this.tenantId, use)",
    instead: 'protector("platform", use)',
    tests: repositoryTests,
  },
};
