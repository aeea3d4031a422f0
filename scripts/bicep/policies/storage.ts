import { queueNames } from "../../../shared/storage/queues.ts";
import { type Policy, property, setAt, the, types, valueAt, difference } from "../policy.ts";

const accounts = [types.storage];
const blobs = [types.blobs];
const production = ["production"] as const;
/** Blob services of accounts whose blobs are meant to last. */
const kept = /(?:data|host|pack)\/default$/u;
const drop = /drop\/default$/u;

interface CorsRule {
  readonly allowedOrigins: readonly string[];
  readonly allowedMethods: readonly string[];
  readonly allowedHeaders: readonly string[];
}

function corsOf(service: unknown): readonly CorsRule[] {
  return (valueAt(service, "properties.cors.corsRules") ?? []) as readonly CorsRule[];
}

interface LifecycleRule {
  readonly name: string;
  readonly enabled: boolean;
  readonly definition: { readonly filters: { readonly prefixMatch?: readonly string[] }; readonly actions: unknown };
}

function daysOf(actions: unknown): number {
  return Number(valueAt(actions, "baseBlob.delete.daysAfterCreationGreaterThan") ?? Infinity);
}

/** Storage accounts: recordings, those of the hosts, packages, copies on their way to a sandbox. */
export const storagePolicies: readonly Policy[] = [
  property({
    name: "no storage account takes a shared key",
    proves: "S7",
    types: accounts,
    path: "properties.allowSharedKeyAccess",
    is: false,
    not: true,
  }),
  property({
    name: "no blob can be made public",
    proves: "S7, T2",
    types: accounts,
    path: "properties.allowBlobPublicAccess",
    is: false,
    not: true,
  }),
  property({
    name: "storage speaks TLS 1.2 or newer",
    proves: "S7",
    types: accounts,
    path: "properties.minimumTlsVersion",
    is: "TLS1_2",
    not: "TLS1_0",
  }),
  property({
    name: "storage speaks HTTPS only",
    proves: "S7",
    types: accounts,
    path: "properties.supportsHttpsTrafficOnly",
    is: true,
    not: false,
  }),
  property({
    name: "nothing is copied to another directory's account",
    proves: "T2",
    types: accounts,
    path: "properties.allowCrossTenantReplication",
    is: false,
    not: true,
  }),
  property({
    name: "storage has no users of its own",
    proves: "S7",
    types: accounts,
    path: "properties.isLocalUserEnabled",
    is: false,
    not: true,
  }),
  property({
    name: "what is at rest is encrypted twice",
    proves: "S8",
    types: accounts,
    path: "properties.encryption.requireInfrastructureEncryption",
    is: true,
    not: false,
  }),
  property({
    name: "production's storage is encrypted with our own RSA key",
    proves: "S8",
    on: production,
    types: accounts,
    path: "properties.encryption.keySource",
    is: "Microsoft.Keyvault",
    not: "Microsoft.Storage",
  }),
  property({
    name: "grants that last longer than four hours are logged",
    proves: "T2",
    types: accounts,
    path: "properties.sasPolicy.sasExpirationPeriod",
    is: "0.04:00:00",
    not: "30.00:00:00",
  }),
  property({
    name: "phones reach the account of recordings",
    proves: "platform: uploads go straight to storage",
    types: accounts,
    named: /data$/u,
    path: "properties.publicNetworkAccess",
    is: "Enabled",
    not: "Disabled",
  }),
  property({
    name: "production's host and package accounts have no public address",
    proves: "S6",
    on: production,
    types: accounts,
    named: /(?:host|pack)$/u,
    path: "properties.publicNetworkAccess",
    is: "Disabled",
    not: "Enabled",
  }),
  property({
    name: "no container is open to everybody",
    proves: "T2",
    types: [types.container],
    path: "properties.publicAccess",
    is: "None",
    not: "Blob",
  }),
  property({
    name: "an immutable blob cannot be appended to",
    proves: "audit: seals",
    types: [types.immutability],
    path: "properties.allowProtectedAppendWrites",
    is: false,
    not: true,
  }),
  {
    name: "seals and packages are immutable",
    proves: "audit: seals; D8",
    broken: (estate) => {
      const immutable = estate.of(types.immutability).map(({ name }) => name.split("/").at(-2) ?? "");
      return difference(["seals", "packages"], immutable);
    },
    fault: (resources) => {
      resources.splice(resources.indexOf(the(resources, types.immutability, /seals/u)), 1);
    },
  },
  property({
    name: "overwritten blobs are kept as versions",
    proves: "restore",
    types: blobs,
    named: /(?:data|pack)\/default$/u,
    path: "properties.isVersioningEnabled",
    is: true,
    not: false,
  }),
  property({
    name: "deleted blobs can be had back",
    proves: "restore",
    types: blobs,
    named: kept,
    path: "properties.deleteRetentionPolicy.enabled",
    is: true,
    not: false,
  }),
  property({
    name: "deleted containers can be had back",
    proves: "restore",
    types: blobs,
    named: kept,
    path: "properties.containerDeleteRetentionPolicy.enabled",
    is: true,
    not: false,
  }),
  property({
    name: "the sandbox reaches the drop",
    proves: "platform: the sandbox is not in production's network",
    on: production,
    types: accounts,
    named: /drop$/u,
    path: "properties.publicNetworkAccess",
    is: "Enabled",
    not: "Disabled",
  }),
  property({
    name: "a copy that is deleted in the drop is gone",
    proves: "sandbox copy",
    on: production,
    types: blobs,
    named: drop,
    path: "properties.deleteRetentionPolicy.enabled",
    is: false,
    not: true,
  }),
  property({
    name: "a container that is deleted in the drop is gone",
    proves: "sandbox copy",
    on: production,
    types: blobs,
    named: drop,
    path: "properties.containerDeleteRetentionPolicy.enabled",
    is: false,
    not: true,
  }),
  property({
    name: "the drop keeps no earlier version of a copy",
    proves: "sandbox copy",
    on: production,
    types: blobs,
    named: drop,
    path: "properties.isVersioningEnabled",
    is: false,
    not: true,
  }),
  {
    name: "no copy and no key of pseudonyms lies in the drop for more than 14 days",
    proves: "sandbox copy",
    on: production,
    broken: (estate) => {
      const rules = valueAt(the(estate.resources, types.lifecycle, drop), "properties.policy.rules");
      const ended = (rules as readonly LifecycleRule[])
        .filter(({ enabled, definition: { actions } }) => enabled && daysOf(actions) <= 14)
        .flatMap(({ definition: { filters } }) => filters.prefixMatch ?? []);
      return difference(["drop/", "work/"], ended);
    },
    fault: (resources) => {
      const [rule] = valueAt(the(resources, types.lifecycle, drop), "properties.policy.rules") as LifecycleRule[];
      setAt(rule, "definition.filters.prefixMatch", ["drop/"]);
    },
  },
  {
    name: "pages upload and play, and do nothing else, on the account of recordings alone",
    proves: "S2",
    broken: (estate) =>
      estate.of(types.blobs).flatMap((service) =>
        difference(
          service.name.includes("data/") ? ["PUT", "GET", "HEAD", "OPTIONS"] : [],
          corsOf(service).flatMap(({ allowedMethods }) => allowedMethods),
        ).map((method) => `${service.name}: ${method}`),
      ),
    fault: (resources) => {
      const service = the(resources, types.blobs, /data\//u);
      (corsOf(service)[0]?.allowedMethods as string[]).push("DELETE");
    },
  },
  {
    name: "a page uploads with headers of its file and of storage, and with no others",
    proves: "S2",
    broken: (estate) =>
      estate
        .of(types.blobs)
        .flatMap((service) => corsOf(service).flatMap(({ allowedHeaders }) => allowedHeaders))
        .filter((header) => !["content-type", "range", "x-ms-*"].includes(header)),
    fault: (resources) => {
      (corsOf(the(resources, types.blobs, /data\//u))[0]?.allowedHeaders as string[]).push("*");
    },
  },
  {
    name: "only pages that may call the API may upload, by https",
    proves: "S2",
    broken: (estate) => {
      const found = estate.of(types.blobs).flatMap((service) => corsOf(service).flatMap((rule) => rule.allowedOrigins));
      const api = the(estate.resources, types.siteConfig, /-api\/appsettings$/u);
      const callers = String(valueAt(api, "properties.CORS_ORIGINS")).split(",");
      const open = found.filter((origin) => !origin.startsWith("https://") || origin.includes("*"));
      return [...difference(callers, found), ...open];
    },
    fault: (resources) => {
      (corsOf(the(resources, types.blobs, /data\//u))[0]?.allowedOrigins as string[]).push("*");
    },
  },
  {
    name: "no lifecycle rule reaches what the host keeps for itself",
    proves: "platform: azure-webjobs containers",
    broken: (estate) =>
      estate.of(types.lifecycle).flatMap((policy) =>
        (valueAt(policy, "properties.policy.rules") as readonly LifecycleRule[])
          .filter(({ definition: { filters } }) => {
            const prefixes = filters.prefixMatch ?? [];
            return prefixes.length === 0 || prefixes.some((prefix) => "azure-webjobs".startsWith(prefix.slice(0, 13)));
          })
          .map(({ name }) => `${policy.name}: ${name}`),
      ),
    fault: (resources) => {
      const rules = valueAt(the(resources, types.lifecycle), "properties.policy.rules") as LifecycleRule[];
      setAt(rules[0], "definition.filters.prefixMatch", []);
    },
  },
  {
    name: "there is every container that the code does not make itself",
    proves: "platform: dead letters; audit: seals",
    broken: (estate) =>
      difference(
        [
          ...["ingest", "protection", "dead-letters", "seals", "packages"],
          ...(estate.environment === "production" ? ["drop", "work"] : []),
        ],
        estate.of(types.container).map(({ name }) => name.split("/").at(-1) ?? ""),
      ),
    fault: (resources) => {
      resources.splice(resources.indexOf(the(resources, types.container, /dead-letters$/u)), 1);
    },
  },
  {
    name: "there is a queue for every message that the code sends, and no other",
    proves: "platform: data-plane roles make no queues in time",
    broken: (estate) =>
      difference(
        queueNames,
        estate.of(types.queue).map(({ name }) => name.split("/").at(-1) ?? ""),
      ),
    fault: (resources) => {
      resources.splice(resources.indexOf(the(resources, types.queue, /send-mail$/u)), 1);
    },
  },
];
