import { beforeAll, describe, expect, test } from "vitest";
import { policies } from "./policies.ts";
import { environmentPolicies } from "./policies/environments.ts";
import { Estate, type Writable, setAt, the, types } from "./policy.ts";
import { type Environment, type Resource, committedResourcesForTests, environments } from "./snapshots.ts";

let committed: ReadonlyMap<Environment, readonly Resource[]>;
beforeAll(async () => {
  committed = new Map(
    await Promise.all(environments.map(async (name) => [name, await committedResourcesForTests(name)] as const)),
  );
});

/** The environment as it is committed, with something done to it. */
function estateOf(environment: Environment, fault?: (resources: Writable[]) => void): Estate {
  const resources = structuredClone(committed.get(environment) ?? []) as Writable[];
  fault?.(resources);
  return new Estate(environment, resources);
}

function brokenIn(estate: Estate): readonly string[] {
  return policies
    .filter(({ on, broken }) => (on ?? environments).includes(estate.environment) && broken(estate).length > 0)
    .map(({ name }) => name);
}

test("there are sixty rules or more, each with a name of its own", () => {
  const names = [...policies, ...environmentPolicies].map(({ name }) => name);
  expect(names.length).toBeGreaterThanOrEqual(60);
  expect(new Set(names).size).toBe(names.length);
});

test.each(environments)("%s keeps every rule", (environment) => {
  const estate = estateOf(environment);
  for (const { name, on, broken } of policies)
    if ((on ?? environments).includes(environment)) expect([name, broken(estate)]).toEqual([name, []]);
});

describe("a planted fault breaks the rule that names it, and no other", () => {
  test.each(policies.map((policy) => [policy.name, policy] as const))("%s", (name, { on, fault }) => {
    for (const environment of on ?? environments)
      expect([environment, brokenIn(estateOf(environment, fault))]).toEqual([environment, [name]]);
  });
});

describe("environments are apart", () => {
  const [names, groups] = environmentPolicies;

  test("as they are committed", () => {
    for (const { name, broken } of environmentPolicies)
      expect([name, broken(environments.map((each) => estateOf(each)))]).toEqual([name, []]);
  });

  test("a shared vault is noticed", () => {
    const vault = the(estateOf("production").resources, types.vault).name;
    const staging = estateOf("staging", (resources) => {
      setAt(the(resources, types.vault), "name", vault);
    });
    expect(names?.broken([staging, estateOf("production")])).toEqual([vault]);
  });

  test("an address of another environment is noticed", () => {
    const sandbox = estateOf("sandbox", (resources) => {
      setAt(the(resources, types.site), "properties.serverFarmId", "/resourceGroups/rg-callpilot-production/plan");
    });
    expect(groups?.broken([sandbox])).toEqual([expect.stringContaining("(sandbox) names rg-callpilot-production")]);
  });

  test("an app that is pointed to another environment's vault is noticed", () => {
    const vault = the(estateOf("production").resources, types.vault).name;
    const staging = estateOf("staging", (resources) => {
      setAt(
        the(resources, types.siteConfig, /-api\/appsettings$/u),
        "properties.VAULT_URL",
        `https://${vault}.example/`,
      );
    });
    expect(groups?.broken([staging, estateOf("production")])).toEqual([
      expect.stringContaining(`-api/appsettings (staging) names ${vault.replace(/^kv-/u, "")}`),
    ]);
  });
});
