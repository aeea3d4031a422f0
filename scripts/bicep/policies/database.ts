import { databaseContainers } from "../../../local/provision.ts";
import { type Policy, property, setAt, the, types, valueAt, difference } from "../policy.ts";
import type { Environment } from "../snapshots.ts";
import { whoIs } from "./identities.ts";

const accounts = [types.cosmos];

/** Roles of the database's own, once for each slot of an app. */
const grantsOfApps = ["api: contributor on data", "api: reader on log", "worker: contributor on callpilot"].flatMap(
  (each) => [each, each.replace(":", " (staging):")],
);

/** And of who copies a tenant into a sandbox, on either side. */
const grantsOfCopies: Readonly<Record<Environment, readonly string[]>> = {
  sandbox: ["importer: contributor on data"],
  staging: [],
  production: ["exporter: reader on data"],
};

function grantOf(assignment: unknown): string {
  const of = (path: string) => String(valueAt(assignment, `properties.${path}`));
  const names: Readonly<Record<string, string>> = { 1: "reader", 2: "contributor" };
  const role = of("roleDefinitionId").slice(-1);
  return `${whoIs(of("principalId"))}: ${names[role] ?? role} on ${of("scope").split("/").at(-1) ?? ""}`;
}

/** The database: who gets in, what leads every key, what can be had back. */
export const databasePolicies: readonly Policy[] = [
  property({
    name: "the database takes no key",
    proves: "S7",
    types: accounts,
    path: "properties.disableLocalAuth",
    is: true,
    not: false,
  }),
  property({
    name: "no key changes what the database is",
    proves: "S7",
    types: accounts,
    path: "properties.disableKeyBasedMetadataWriteAccess",
    is: true,
    not: false,
  }),
  property({
    name: "the database speaks TLS 1.2 or newer",
    proves: "S7",
    types: accounts,
    path: "properties.minimalTlsVersion",
    is: "Tls12",
    not: "Tls",
  }),
  property({
    name: "what was written is read by everybody",
    proves: "platform: the log head orders facts",
    types: accounts,
    path: "properties.consistencyPolicy.defaultConsistencyLevel",
    is: "Strong",
    not: "Session",
  }),
  property({
    name: "the database can go back to any second of thirty days",
    proves: "restore",
    types: accounts,
    path: "properties.backupPolicy.continuousModeProperties.tier",
    is: "Continuous30Days",
    not: "Continuous7Days",
  }),
  property({
    name: "production's database has no public address",
    proves: "S6",
    on: ["production"],
    types: accounts,
    path: "properties.publicNetworkAccess",
    is: "Disabled",
    not: "Enabled",
  }),
  {
    name: "production's database is encrypted with our own RSA key",
    proves: "S8",
    on: ["production"],
    broken: (estate) =>
      estate
        .of(types.cosmos)
        .filter((account) => !String(valueAt(account, "properties.keyVaultKeyUri")).includes("'at-rest'"))
        .map(({ name }) => name),
    fault: (resources) => {
      setAt(the(resources, types.cosmos), "properties.keyVaultKeyUri", null);
    },
  },
  {
    name: "the tenant leads the partition key of all that tenants own",
    proves: "T1",
    broken: (estate) =>
      estate
        .of(types.cosmosContainer)
        .filter(
          (container) =>
            !container.name.endsWith("/leases") &&
            valueAt(container, "properties.resource.partitionKey.paths.0") !== "/tenantId",
        )
        .map(({ name }) => name),
    fault: (resources) => {
      const container = structuredClone(the(resources, types.cosmosContainer, /data$/u));
      setAt(container, "properties.resource.partitionKey.paths", ["/surveyId"]);
      resources.push(Object.assign(container, { name: `${container.name}2`, id: `${container.id}2` }));
    },
  },
  {
    name: "containers, keys and indexes are those that the code reads by",
    proves: "T1; platform: composite indexes",
    broken: (estate) =>
      databaseContainers()
        .filter((wanted) => {
          const found = estate.of(types.cosmosContainer).find(({ name }) => name.endsWith(`/${wanted.id ?? ""}`));
          return JSON.stringify(found?.properties?.["resource"]) !== JSON.stringify(wanted);
        })
        .map(({ id }) => id ?? ""),
    fault: (resources) => {
      const data = the(resources, types.cosmosContainer, /data$/u);
      (valueAt(data, "properties.resource.indexingPolicy.compositeIndexes") as unknown[]).pop();
    },
  },
  {
    name: "api, worker and who copies reach the items that they need, and only the worker writes the log",
    proves: "S10",
    broken: (estate) =>
      difference([...grantsOfApps, ...grantsOfCopies[estate.environment]], estate.of(types.cosmosRole).map(grantOf)),
    fault: (resources) => {
      const reader = resources.find((each) => each.type === types.cosmosRole && grantOf(each) === "api: reader on log");
      const role = String(valueAt(reader, "properties.roleDefinitionId"));
      setAt(reader, "properties.roleDefinitionId", role.replace(/1$/u, "2"));
    },
  },
  {
    name: "what people wrote is in no log of the database",
    proves: "personal data",
    broken: (estate) =>
      estate
        .of(types.diagnostics)
        .filter(({ id }) => id.includes(types.cosmos))
        .flatMap((each) => valueAt(each, "properties.logs") as readonly { category?: string; categoryGroup?: string }[])
        .map(({ category, categoryGroup }) => category ?? categoryGroup ?? "")
        .filter((category) => !["ControlPlaneRequests", "PartitionKeyRUConsumption"].includes(category)),
    fault: (resources) => {
      const found = resources.find(({ type, id }) => type === types.diagnostics && id.includes(types.cosmos));
      setAt(found, "properties.logs", [{ category: "DataPlaneRequests", enabled: true }]);
    },
  },
];
