import { type Estate, the, types } from "../policy.ts";

/** A rule for all environments together. */
export interface SharedPolicy {
  readonly name: string;
  readonly proves: string;
  readonly broken: (estates: readonly Estate[]) => readonly string[];
}

/** What every name in an environment is made of: of accounts, and of all else. */
function namesOf({ resources }: Estate): readonly string[] {
  return [
    the(resources, types.vault).name.replace(/^kv-/u, ""),
    the(resources, types.storage, /data$/u).name.replace(/data$/u, ""),
  ];
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
        const others = estates.filter((other) => other !== estate).flatMap(namesOf);
        return estate.resources.flatMap((resource) => {
          const text = JSON.stringify(resource);
          const groups = Array.from(text.matchAll(/rg-callpilot-\w+/gu), ([group]) => group);
          const foreign = [...groups.filter((group) => group !== own), ...others.filter((name) => text.includes(name))];
          return foreign.map((name) => `${resource.name} (${estate.environment}) names ${name}`);
        });
      }),
  },
];
