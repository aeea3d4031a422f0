import type { Environment, Resource } from "./snapshots.ts";

/** All that an environment would have in Azure. */
export class Estate {
  readonly environment: Environment;
  readonly resources: readonly Resource[];

  constructor(environment: Environment, resources: readonly Resource[]) {
    this.environment = environment;
    this.resources = resources;
  }

  /** Of any of those types. */
  of(...types: readonly string[]): readonly Resource[] {
    return this.resources.filter(({ type }) => types.includes(type));
  }
}

/** A rule for every environment that it is on. Its fault is a way to break it, and nothing else. */
export interface Policy {
  /** What holds, in words. */
  readonly name: string;
  /** Lines of the security list, or the trap of the platform, that it proves something of. */
  readonly proves: string;
  /** All unless given. */
  readonly on?: readonly Environment[];
  /** What breaks it: names of resources or settings. */
  readonly broken: (estate: Estate) => readonly string[];
  /** Breaks it, in a copy of the estate's resources. */
  readonly fault: (resources: Writable[]) => void;
}

export type Writable = Record<string, unknown> & { type: string; name: string; id: string };

interface PropertyRule {
  readonly name: string;
  readonly proves: string;
  readonly on?: readonly Environment[];
  readonly types: readonly string[];
  /** Only resources whose name fits. */
  readonly named?: RegExp;
  /** From the resource, dots between. */
  readonly path: string;
  readonly is: unknown;
  /** Another value, for the fault. */
  readonly not: unknown;
}

/** The rule that a property of all such resources, of which there is one at least, has one value. */
export function property({ types, named = /./u, path, is, not, ...rule }: PropertyRule): Policy {
  const subjects = <T extends { readonly type: string; readonly name: string }>(all: readonly T[]): T[] =>
    all.filter(({ type, name }) => types.includes(type) && named.test(name));
  return {
    ...rule,
    broken: ({ resources }) => {
      const found = subjects(resources);
      if (found.length === 0) return [`there is no ${types.join(" or ")}`];
      return found.filter((each) => JSON.stringify(valueAt(each, path)) !== JSON.stringify(is)).map(({ name }) => name);
    },
    fault: (resources) => {
      setAt(subjects(resources).at(-1), path, not);
    },
  };
}

/** What is at a path such as `properties.siteConfig.minTlsVersion`. */
export function valueAt(from: unknown, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | null | undefined)?.[key], from);
}

export function setAt(into: unknown, path: string, value: unknown): void {
  const keys = path.split(".");
  const last = keys.pop() ?? "";
  const owner = keys.reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], into);
  if (owner === undefined) throw new TypeError(`there is no ${path} to break`);
  (owner as Record<string, unknown>)[last] = value;
}

/** The first resource of a type whose name fits. */
export function the<T extends { readonly type: string; readonly name: string }>(
  resources: readonly T[],
  type: string,
  named = /./u,
): T {
  const found = resources.find((each) => each.type === type && named.test(each.name));
  if (found === undefined) throw new TypeError(`there is no ${type} ${named.source}`);
  return found;
}

/** What is in one list and not in the other. */
export function difference(wanted: readonly string[], found: readonly string[]): readonly string[] {
  return [
    ...wanted.filter((each) => !found.includes(each)).map((each) => `${each} is missing`),
    ...found.filter((each) => !wanted.includes(each)).map((each) => `${each} is too much`),
  ];
}

export const types = {
  site: "Microsoft.Web/sites",
  slot: "Microsoft.Web/sites/slots",
  siteConfig: "Microsoft.Web/sites/config",
  slotConfig: "Microsoft.Web/sites/slots/config",
  plan: "Microsoft.Web/serverfarms",
  storage: "Microsoft.Storage/storageAccounts",
  blobs: "Microsoft.Storage/storageAccounts/blobServices",
  container: "Microsoft.Storage/storageAccounts/blobServices/containers",
  immutability: "Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies",
  lifecycle: "Microsoft.Storage/storageAccounts/managementPolicies",
  queue: "Microsoft.Storage/storageAccounts/queueServices/queues",
  queues: "Microsoft.Storage/storageAccounts/queueServices",
  cosmos: "Microsoft.DocumentDB/databaseAccounts",
  cosmosContainer: "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers",
  cosmosRole: "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments",
  vault: "Microsoft.KeyVault/vaults",
  key: "Microsoft.KeyVault/vaults/keys",
  secret: "Microsoft.KeyVault/vaults/secrets",
  role: "Microsoft.Authorization/roleAssignments",
  roleDefinition: "Microsoft.Authorization/roleDefinitions",
  lock: "Microsoft.Authorization/locks",
  topic: "Microsoft.EventGrid/systemTopics",
  scanTopic: "Microsoft.EventGrid/topics",
  subscription: "Microsoft.EventGrid/systemTopics/eventSubscriptions",
  scanSubscription: "Microsoft.EventGrid/topics/eventSubscriptions",
  diagnostics: "Microsoft.Insights/diagnosticSettings",
  identity: "Microsoft.ManagedIdentity/userAssignedIdentities",
  federation: "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials",
  defender: "Microsoft.Security/defenderForStorageSettings",
} as const;
