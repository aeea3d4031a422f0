import { type Estate, types } from "../policy.ts";

/** A rule for all environments together. */
export interface SharedPolicy {
  readonly name: string;
  readonly proves: string;
  readonly broken: (estates: readonly Estate[]) => readonly string[];
}

/** What keeps environments apart. */
export const environmentPolicies: readonly SharedPolicy[] = [
  {
    name: "no two environments share a vault, an account, a database or an app",
    proves: "S5",
    broken: (estates) => {
      const names = estates.flatMap((estate) => [
        ...new Set(estate.of(types.vault, types.storage, types.cosmos, types.site).map(({ name }) => name)),
      ]);
      return names.filter((name, index) => names.indexOf(name) !== index);
    },
  },
  {
    name: "nothing in an environment names something of another one",
    proves: "S5",
    broken: (estates) =>
      estates.flatMap((estate) => {
        const own = `rg-callpilot-${estate.environment}`;
        return estate.resources.flatMap((resource) =>
          [...JSON.stringify(resource).matchAll(/rg-callpilot-\w+/gu)]
            .map(([group]) => group)
            .filter((group) => group !== own)
            .map((group) => `${resource.name} (${estate.environment}) names ${group}`),
        );
      }),
  },
];
