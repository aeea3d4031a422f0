/** What is paid for whether it is used or not, as the infrastructure of an environment has it. */
export interface Estate {
  /** Instances that are always ready, by plan. */
  readonly plans: Readonly<Record<"api" | "worker", Plan>>;
  /** RU/s that the containers of the database may grow to, together. */
  readonly maxRequestUnits: number;
  readonly redundancy: "LRS" | "ZRS";
  readonly isScanned: boolean;
  readonly queues: number;
  readonly logDays: number;
  readonly logAlerts: number;
  readonly metricAlerts: number;
  readonly privateAddresses: number;
  readonly privateZones: number;
}

export interface Plan {
  readonly sku: string;
  readonly instances: number;
}

interface Resource {
  readonly type: string;
  readonly name: string;
  readonly sku?: { readonly name: string; readonly capacity?: number };
  readonly properties?: Readonly<Record<string, unknown>>;
}

/** Reads it from the resources of a snapshot (`bicep/snapshots`). */
export function estateOf(resources: readonly Resource[]): Estate {
  const of = (type: string) => resources.filter((each) => each.type === type);
  const planOf = (app: string): Plan => {
    const sku = of("Microsoft.Web/serverfarms").find(({ name }) => name.endsWith(app))?.sku;
    return { sku: sku?.name ?? "", instances: sku?.capacity ?? 0 };
  };
  const containers = of("Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers");
  const recordings = of("Microsoft.Storage/storageAccounts").find(({ name }) => name.endsWith("data"));
  const [workspace] = of("Microsoft.OperationalInsights/workspaces");
  return {
    plans: { api: planOf("api"), worker: planOf("worker") },
    maxRequestUnits: sum(containers.map(({ properties }) => maxThroughput(properties?.["options"]))),
    redundancy: recordings?.sku?.name === "Standard_ZRS" ? "ZRS" : "LRS",
    isScanned: of("Microsoft.Security/defenderForStorageSettings").length > 0,
    queues: of("Microsoft.Storage/storageAccounts/queueServices/queues").length,
    logDays: Number(workspace?.properties?.["retentionInDays"]),
    logAlerts: of("Microsoft.Insights/scheduledQueryRules").length,
    metricAlerts: of("Microsoft.Insights/metricAlerts").length,
    privateAddresses: of("Microsoft.Network/privateEndpoints").length,
    privateZones: of("Microsoft.Network/privateDnsZones").length,
  };
}

function maxThroughput(options: unknown): number {
  return (options as { readonly autoscaleSettings: { readonly maxThroughput: number } }).autoscaleSettings
    .maxThroughput;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((one, other) => one + other, 0);
}
