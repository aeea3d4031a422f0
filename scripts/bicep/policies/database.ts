import { databaseContainers } from "../../../local/provision.ts";
import { type Policy, property, setAt, the, types, valueAt } from "../policy.ts";

const accounts = [types.cosmos];

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
    name: "four identities read and write items of the database, and may do nothing else there",
    proves: "S10",
    broken: (estate) => {
      const roles = estate.of(types.cosmosRole);
      const wrong = roles.filter(
        ({ properties }) =>
          !String(properties?.["roleDefinitionId"]).endsWith("/00000000-0000-0000-0000-000000000002") ||
          !String(properties?.["scope"]).endsWith("/dbs/callpilot"),
      );
      return roles.length === 4 ? wrong.map(({ name }) => name) : [`${roles.length} identities`];
    },
    fault: (resources) => {
      const role = the(resources, types.cosmosRole);
      setAt(role, "properties.scope", String(valueAt(role, "properties.scope")).replace("/dbs/callpilot", ""));
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
