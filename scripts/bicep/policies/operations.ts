import { type Policy, property, setAt, the, types, valueAt, difference } from "../policy.ts";

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
  types.scanTopic,
  "Microsoft.Communication/communicationServices",
];

const alertTypes = ["Microsoft.Insights/scheduledQueryRules", "Microsoft.Insights/metricAlerts"];

const alerts = [
  "poison-messages",
  "server-errors",
  "slow-answers",
  "processing-lag",
  "refused-database-requests",
  "malware",
  "dead-letters-manifests",
];

const statusAsText = /(?<!toint\()\b(?:StatusCode|ResultCode)\b/u;

const secretInClear =
  /list(?:Account|Service)?(?:Keys|Sas|Secrets|ConnectionStrings)\(|AccountKey=|SharedAccessKey=|[?&](?:sig|code)=|-----BEGIN/iu;

interface Notification {
  readonly enabled: boolean;
  /** Percent of the budget. */
  readonly threshold: number;
  readonly contactEmails: readonly string[];
}

function writesAll(settings: unknown): boolean {
  const logs = valueAt(settings, "properties.logs") as readonly { enabled: boolean }[];
  return logs.length > 0 && logs.every(({ enabled }) => enabled);
}

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
      const workspace = the(estate.resources, "Microsoft.OperationalInsights/workspaces").id;
      const written = estate
        .of(types.diagnostics)
        .filter((each) => valueAt(each, "properties.workspaceId") === workspace && writesAll(each))
        .map(({ id }) => id);
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
        .of(...alertTypes)
        .filter(({ properties }) => properties?.["enabled"] === true)
        .map(({ name }) => name);
      const wanted = estate.of(types.scanTopic).length === 0 ? alerts : [...alerts, "dead-letters-scans"];
      return wanted.filter((alert) => !on.some((name) => name.startsWith(`alert-${alert}-`)));
    },
    fault: (resources) => {
      setAt(the(resources, "Microsoft.Insights/scheduledQueryRules", /poison/u), "properties.enabled", false);
    },
  },
  {
    name: "every alert reaches somebody",
    proves: "threat 21; operations",
    broken: (estate) => {
      const group = the(estate.resources, "Microsoft.Insights/actionGroups");
      const receivers = (valueAt(group, "properties.emailReceivers") ?? []) as readonly unknown[];
      return estate
        .of(...alertTypes)
        .filter(
          (each) => receivers.length === 0 || !JSON.stringify(each.properties?.["actions"] ?? []).includes(group.id),
        )
        .map(({ name }) => name);
    },
    fault: (resources) => {
      setAt(the(resources, "Microsoft.Insights/metricAlerts"), "properties.actions", []);
    },
  },
  {
    name: "queries compare a status, which logs hold as text, as a number",
    proves: "platform: else Azure refuses the query",
    broken: (estate) =>
      estate
        .of(...alertTypes, "Microsoft.Insights/workbooks")
        .filter((each) => statusAsText.test(JSON.stringify(each.properties)))
        .map(({ name }) => name),
    fault: (resources) => {
      const alert = the(resources, "Microsoft.Insights/scheduledQueryRules", /poison/u);
      setAt(alert, "properties.criteria.allOf.0.query", "StorageQueueLogs | where StatusCode < 300");
    },
  },
  {
    name: "the workbook asks the workspace, where the tables are",
    proves: "platform: else it asks Application Insights",
    broken: (estate) =>
      estate
        .of("Microsoft.Insights/workbooks")
        .filter((each) => {
          const text = String(valueAt(each, "properties.serializedData"));
          const asked = text.match(/"resourceType":"microsoft\.operationalinsights\/workspaces"/gu) ?? [];
          return asked.length !== (text.match(/"queryType":/gu) ?? []).length;
        })
        .map(({ name }) => name),
    fault: (resources) => {
      const workbook = the(resources, "Microsoft.Insights/workbooks");
      const path = "properties.serializedData";
      setAt(workbook, path, String(valueAt(workbook, path)).replace('"resourceType":', '"otherwise":'));
    },
  },
  {
    name: "nothing is deployed with the key of something else, or with a secret in clear",
    proves: "S5, S7",
    broken: (estate) =>
      estate.resources
        .filter(({ type }) => type !== types.siteConfig && type !== types.slotConfig)
        .filter((resource) => secretInClear.test(JSON.stringify(resource)))
        .map(({ name }) => name),
    fault: (resources) => {
      const account = the(resources, types.storage).id;
      const keys = `[listKeys('${account}', '2026-04-01').keys[0].value]`;
      setAt(the(resources, "Microsoft.Insights/workbooks"), "properties.serializedData", keys);
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
        .filter((each) => {
          const domain = valueAt(each, "properties.linkedDomains.0");
          return typeof domain !== "string" || domain.endsWith("/AzureManagedDomain");
        })
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
    name: "somebody is told before the budget is spent",
    proves: "operations",
    broken: (estate) =>
      estate
        .of("Microsoft.Consumption/budgets")
        .filter((budget) => {
          const all = (valueAt(budget, "properties.notifications") ?? {}) as Record<string, Notification>;
          return !Object.values(all).some(
            ({ enabled, threshold, contactEmails }) => enabled && threshold < 100 && contactEmails.length > 0,
          );
        })
        .map(({ name }) => name),
    fault: (resources) => {
      setAt(the(resources, "Microsoft.Consumption/budgets"), "properties.notifications.nearly.enabled", false);
    },
  },
  {
    name: "production's recordings, database and keys are not deleted by mistake",
    proves: "restore",
    on: production,
    broken: (estate) => {
      const locked = estate
        .of(types.lock)
        .filter((lock) => valueAt(lock, "properties.level") === "CanNotDelete")
        .map(({ id }) => id);
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
  property({
    name: "subnets that somebody adds to production's network stay, such as that of the pipeline's agents",
    proves: "platform: those that are not listed are deleted",
    on: production,
    types: ["Microsoft.Network/virtualNetworks"],
    path: "properties.subnets",
    is: undefined,
    not: [],
  }),
  {
    name: "production's apps find vault, database, host and package accounts at private addresses",
    proves: "S6",
    on: production,
    broken: (estate) => {
      const named = estate.of("Microsoft.Network/privateEndpoints/privateDnsZoneGroups").map(({ id }) => id);
      const found = estate
        .of("Microsoft.Network/privateEndpoints")
        .filter(({ id }) => named.some((other) => other.startsWith(`${id}/`)))
        .map((each) => {
          const to = (path: string) => valueAt(each, `properties.privateLinkServiceConnections.0.properties.${path}`);
          return `${String(to("privateLinkServiceId")).split("/").at(-1) ?? ""}: ${String(to("groupIds.0"))}`;
        });
      const nameOf = (type: string, name?: RegExp) => the(estate.resources, type, name).name;
      const wanted = [
        `${nameOf(types.vault)}: vault`,
        `${nameOf(types.cosmos)}: Sql`,
        ...[/apihost$/u, /workerhost$/u].flatMap((host) =>
          ["blob", "queue", "table"].map((service) => `${nameOf(types.storage, host)}: ${service}`),
        ),
        `${nameOf(types.storage, /pack$/u)}: blob`,
      ];
      return difference(wanted, found);
    },
    fault: (resources) => {
      const ofPackages = resources.find(
        ({ type, properties }) =>
          type === "Microsoft.Network/privateEndpoints" && JSON.stringify(properties).includes("pack"),
      );
      if (ofPackages !== undefined) resources.splice(resources.indexOf(ofPackages), 1);
    },
  },
];
