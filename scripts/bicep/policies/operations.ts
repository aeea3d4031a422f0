import { type Policy, property, setAt, the, types, valueAt } from "../policy.ts";

const production = ["production"] as const;

/** What runs nobody's own machine: the product is to have no other kind of thing in Azure. */
const platform = [
  "Microsoft.Authorization",
  "Microsoft.Communication",
  "Microsoft.Consumption",
  "Microsoft.DocumentDB",
  "Microsoft.EventGrid",
  "Microsoft.Insights",
  "Microsoft.KeyVault",
  "Microsoft.ManagedIdentity",
  "Microsoft.Network",
  "Microsoft.OperationalInsights",
  "Microsoft.Security",
  "Microsoft.Storage",
  "Microsoft.Web",
];

/** Each of them writes what happens to the workspace. */
const watched = [
  types.vault,
  types.cosmos,
  types.blobs,
  types.queues,
  types.site,
  types.slot,
  types.topic,
  "Microsoft.Communication/communicationServices",
];

const alerts = [
  "poison-messages",
  "server-errors",
  "slow-answers",
  "processing-lag",
  "refused-database-requests",
  "malware",
  "dead-letters-manifests",
];

const tagged = [types.site, types.slot, types.plan, types.storage, types.cosmos, types.vault, types.topic];

/** What operators see, pay and keep. */
export const operationPolicies: readonly Policy[] = [
  {
    name: "there is nothing in Azure but platform services",
    proves: "D7",
    broken: (estate) =>
      estate.resources.map(({ type }) => type).filter((type) => !platform.includes(type.split("/", 1)[0] ?? "")),
    fault: (resources) => {
      resources.push({ type: "Microsoft.Compute/virtualMachines", name: "jump", id: "/jump" });
    },
  },
  {
    name: "whatever holds something or answers somebody writes what happens",
    proves: "S6: diagnostics",
    broken: (estate) => {
      const written = estate.of(types.diagnostics).map(({ id }) => id);
      return estate
        .of(...watched)
        .filter(({ id, type }) => type !== types.topic || id.includes("evgt-data"))
        .filter(
          ({ id }) =>
            !written.some(
              (other) =>
                other.startsWith(`${id}/providers/microsoft.insights`) ||
                other.startsWith(`${id}/providers/Microsoft.Insights`),
            ),
        )
        .map(({ name }) => name);
    },
    fault: (resources) => {
      const found = resources.find(({ type, id }) => type === types.diagnostics && id.includes("Microsoft.KeyVault"));
      if (found !== undefined) resources.splice(resources.indexOf(found), 1);
    },
  },
  {
    name: "operators are woken by what they have to do something about",
    proves: "threat 21; operations",
    broken: (estate) => {
      const on = estate
        .of("Microsoft.Insights/scheduledQueryRules", "Microsoft.Insights/metricAlerts")
        .filter(({ properties }) => properties?.["enabled"] === true)
        .map(({ name }) => name);
      return alerts.filter((alert) => !on.some((name) => name.startsWith(`alert-${alert}-`)));
    },
    fault: (resources) => {
      setAt(the(resources, "Microsoft.Insights/scheduledQueryRules", /poison/u), "properties.enabled", false);
    },
  },
  property({
    name: "traces are taken from identities alone",
    proves: "S7",
    types: ["Microsoft.Insights/components"],
    path: "properties.DisableLocalAuth",
    is: true,
    not: false,
  }),
  property({
    name: "logs are taken from identities alone",
    proves: "S7",
    types: ["Microsoft.OperationalInsights/workspaces"],
    path: "properties.features.disableLocalAuth",
    is: true,
    not: false,
  }),
  property({
    name: "mail is sent by an identity alone",
    proves: "S7",
    types: ["Microsoft.Communication/communicationServices"],
    path: "properties.disableLocalAuth",
    is: true,
    not: false,
  }),
  {
    name: "mail goes out from a domain of ours",
    proves: "platform: Azure's own domain sends ten mails an hour",
    on: ["staging", "production"],
    broken: (estate) =>
      estate
        .of("Microsoft.Communication/communicationServices")
        .filter((each) => String(valueAt(each, "properties.linkedDomains.0")).endsWith("/AzureManagedDomain"))
        .map(({ name }) => name),
    fault: (resources) => {
      const service = the(resources, "Microsoft.Communication/communicationServices");
      setAt(service, "properties.linkedDomains", ["/emailServices/mail/domains/AzureManagedDomain"]);
    },
  },
  property({
    name: "nobody is told who opened a mail",
    proves: "personal data",
    types: ["Microsoft.Communication/emailServices/domains"],
    path: "properties.userEngagementTracking",
    is: "Disabled",
    not: "Enabled",
  }),
  property({
    name: "an environment has a budget",
    proves: "operations",
    types: ["Microsoft.Consumption/budgets"],
    path: "properties.timeGrain",
    is: "Monthly",
    not: "Annually",
  }),
  {
    name: "production's recordings, database and keys are not deleted by mistake",
    proves: "restore",
    on: production,
    broken: (estate) => {
      const locked = estate.of(types.lock).map(({ id }) => id);
      return [/storageAccounts\/\w+data\//u, /databaseAccounts\//u, /vaults\//u]
        .filter((place) => !locked.some((id) => place.test(id)))
        .map(({ source }) => source);
    },
    fault: (resources) => {
      const found = resources.find(({ type, id }) => type === types.lock && id.includes("databaseAccounts"));
      if (found !== undefined) resources.splice(resources.indexOf(found), 1);
    },
  },
  {
    name: "it is known what everything belongs to and who pays for it",
    proves: "operations",
    broken: (estate) =>
      estate
        .of(...tagged)
        .filter(({ tags }) => {
          const found = (tags ?? {}) as Record<string, string>;
          return found["environment"] !== estate.environment || found["owner"] === undefined;
        })
        .map(({ name }) => name),
    fault: (resources) => {
      setAt(the(resources, types.vault), "tags", {});
    },
  },
  property({
    name: "production survives the loss of a zone: apps",
    proves: "operations",
    on: production,
    types: [types.plan],
    path: "properties.zoneRedundant",
    is: true,
    not: false,
  }),
  property({
    name: "production survives the loss of a zone: instances that are always ready",
    proves: "operations",
    on: production,
    types: [types.site, types.slot],
    path: "properties.siteConfig.minimumElasticInstanceCount",
    is: 3,
    not: 1,
  }),
  property({
    name: "production survives the loss of a zone: database",
    proves: "operations",
    on: production,
    types: [types.cosmos],
    path: "properties.locations.0.isZoneRedundant",
    is: true,
    not: false,
  }),
  property({
    name: "production survives the loss of a zone: storage",
    proves: "operations",
    on: production,
    types: [types.storage],
    path: "sku.name",
    is: "Standard_ZRS",
    not: "Standard_LRS",
  }),
  {
    name: "production's apps find vault, database, host and package account at private addresses",
    proves: "S6",
    on: production,
    broken: (estate) => {
      const groups = estate
        .of("Microsoft.Network/privateEndpoints")
        .flatMap((each) => valueAt(each, "properties.privateLinkServiceConnections.0.properties.groupIds") as string[]);
      return ["vault", "Sql", "blob", "queue", "table"].filter((group) => !groups.includes(group));
    },
    fault: (resources) => {
      resources.splice(resources.indexOf(the(resources, "Microsoft.Network/privateEndpoints", /vault/u)), 1);
    },
  },
];
