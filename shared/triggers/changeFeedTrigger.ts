import type { CosmosDBv4FunctionOptions, InvocationContext } from "@azure/functions";
import { compose } from "../composition.ts";
import { factKind } from "../tenancy/fact.ts";
import { isTenantId } from "../tenancy/ids.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { type Log, logOf } from "./logLine.ts";
import { runForTenant } from "./systemRun.ts";

export interface ChangeFeedInput {
  /** A tenant that has new facts. */
  readonly tenant: TenantScope;
  readonly log: Log;
}

/** With the pauses of the retry policy, about half a minute. */
const maxRepeats = 5;

interface ChangedItem {
  readonly tenantId?: unknown;
  readonly kind?: unknown;
}

/**
 * Runs once for every tenant that has facts in a batch of the change feed of `data`. The feed tells only which tenant has
 * some: it shows latest versions, in no order across tenants. One tenant's failure is left to the sweep. Only when all
 * fail is the batch thrown back, and only some times: that may be an outage, or a single tenant that fails for good and
 * must not hold up the others behind it in the feed.
 */
export function changeFeedTrigger(definition: {
  readonly handler: (input: ChangeFeedInput) => Promise<void>;
}): CosmosDBv4FunctionOptions<ChangedItem> {
  return {
    connection: "COSMOS",
    databaseName: "%COSMOS_DATABASE%",
    containerName: "data",
    leaseContainerName: "leases",
    createLeaseContainerIfNotExists: false,
    startFromBeginning: true,
    feedPollDelay: 500,
    maxItemsPerInvocation: 500,
    retry: {
      strategy: "exponentialBackoff",
      maxRetryCount: -1,
      minimumInterval: { seconds: 1 },
      maximumInterval: { minutes: 1 },
    },
    handler: async (changed: readonly ChangedItem[], context: InvocationContext) => {
      compose();
      const log = logOf(context);
      const facts = changed.filter(({ kind }) => kind === factKind.name);
      const tenantIds = [...new Set(facts.map(({ tenantId }) => String(tenantId)))].filter(isTenantId);
      const run = { action: context.functionName, log, failed: "tenant_failed" };
      const failures: unknown[] = [];
      for (const tenantId of tenantIds)
        await runForTenant(tenantId, run, (tenant) => definition.handler({ tenant, log })).catch((error: unknown) => {
          failures.push(error);
        });
      const repeats = context.retryContext?.retryCount ?? 0;
      if (failures.length > 0 && failures.length === tenantIds.length && repeats < maxRepeats)
        throw new AggregateError(failures, "no tenant's facts could be ordered");
    },
  };
}
